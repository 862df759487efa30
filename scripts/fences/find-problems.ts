import { relative, sep } from 'node:path'
import ts from 'typescript'
import type { Problem } from '../lib/check.ts'
import type { Package } from '../lib/workspace.ts'
import { ambientUses } from './ambient.ts'
import { importProblem } from './imports.ts'
import { tooNewUses } from './too-new.ts'

export interface SourceFile {
  /** Absolute. */
  readonly file: string
  readonly text: string
  readonly package: Package
}

/** What a file may do, by where it stands. */
export interface Place {
  /** Under a published package's `src/`, and not a test. */
  readonly isSource: boolean
  /** Directly in that `src/`: the core, which knows no driver and no Node. */
  readonly isCore: boolean
}

/** chaos and local-cluster are Node tools: processes, sockets and drivers are what they are about. */
const NODE_TOOLS = new Set(['chaos', 'local-cluster'])

/** Everything in a file that a fence forbids. */
export function findProblems(source: SourceFile): Problem[] {
  const { file, text } = source
  const place = placeOf(source)
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const problems: Problem[] = []
  const add = (node: ts.Node, message: string): void => {
    const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree))
    problems.push({ file, line: line + 1, message })
  }
  for (const { node, specifier, typeOnly } of importsOf(tree)) {
    const message = importProblem({ specifier, typeOnly, place, source })
    if (message !== undefined) add(node, message)
  }
  for (const node of encodedPathsOf(tree)) {
    add(
      node,
      'path of a URL: a space in it is %20 and the file is not found; use fileURLToPath or import.meta.dirname',
    )
  }
  if (place.isSource) {
    for (const { node, what } of tooNewUses(tree)) add(node, `Node 22 has no ${what}`)
  }
  if (place.isSource && !file.endsWith(`${sep}system-clock.ts`)) {
    for (const { node, message } of ambientUses(tree)) add(node, message)
  }
  return problems
}

function placeOf({ file, package: { path, folder } }: SourceFile): Place {
  const [top, ...rest] = relative(path, file).split(sep)
  const isPublished = path.split(sep).at(-2) === 'packages'
  const isTest = /\.(test|test-helper|prop\.test|sim\.test|int\.test|test-d|bench)\.[cm]?tsx?$/.test(file)
  const isSource = isPublished && top === 'src' && !isTest
  return { isSource, isCore: isSource && rest.length === 1 && !NODE_TOOLS.has(folder) }
}

/** `new URL('…', import.meta.url).pathname`. */
function encodedPathsOf(tree: ts.SourceFile): ts.Node[] {
  const found: ts.Node[] = []
  const visit = (node: ts.Node): void => {
    if (
      ts.isPropertyAccessExpression(node) &&
      node.name.text === 'pathname' &&
      ts.isNewExpression(node.expression)
    ) {
      const base = node.expression.arguments?.[1]
      if (base?.getText(tree) === 'import.meta.url') found.push(node)
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

interface Import {
  readonly node: ts.Node
  readonly specifier: string
  readonly typeOnly: boolean
}

/** Static and dynamic imports, re-exports, `require()` and `import('…')` types. */
function importsOf(tree: ts.SourceFile): Import[] {
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
      if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
        found.push({ node, specifier: specifier.text, typeOnly })
      }
    }
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
    } else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true)
    else if (ts.isCallExpression(node)) {
      const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require'
      if (node.expression.kind === ts.SyntaxKind.ImportKeyword || isRequire) add(node.arguments[0], false)
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}
