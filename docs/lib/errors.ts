// The errors page is made from the code: a class with a `code` is an entry, its TSDoc is the text.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { documentedPackages } from './packages.ts'

/** One `QUORATE_…` code. */
export interface ErrorEntry {
  readonly code: string
  /** Package that throws or records it. */
  readonly package: string
  /** The class, if there is one; some codes are only kept with a recorded failure. */
  readonly className: string | undefined
  /** What it means; empty if the class has no TSDoc. */
  readonly text: string
  /** `not-applied`, `unknown`, both when it depends, none for a code that is only recorded. */
  readonly outcomes: readonly string[]
  readonly facts: readonly { readonly name: string; readonly type: string; readonly text: string }[]
}

/** Codes that are no class of their own: kept with a saga's failure, where only JSON survives. */
export const RECORDED: Readonly<Record<string, string>> = {
  QUORATE_SAGA_NON_RETRYABLE:
    'The default `code` of `NonRetryableError`: a step said that trying again cannot help. Not a `QuorateError`; ' +
    'it is thrown by your steps and kept with the failure in the result of the run.',
  QUORATE_SAGA_SIGNAL_TIMEOUT:
    'Kept with the failure of a run that waited for a signal which did not come within its `deadlineMs`. ' +
    'The steps before it are compensated.',
}

const CODE = /^QUORATE_[A-Z][A-Z_]*$/

/** What the sources say. */
export interface ErrorSources {
  readonly entries: readonly ErrorEntry[]
  /** Every literal in the place of a `code`, with its file: each needs an entry. */
  readonly used: readonly { readonly code: string; readonly file: string }[]
  /** Every `QUORATE_…` word in the sources, variables of the environment included. */
  readonly words: ReadonlySet<string>
}

/** Reads the sources of all packages, tests left out. */
export function readErrors(): ErrorSources {
  const entries: ErrorEntry[] = []
  const used: { code: string; file: string }[] = []
  const words = new Set<string>()
  for (const one of documentedPackages()) {
    for (const path of sourcesOf(join(one.path, 'src'))) {
      const text = readFileSync(path, 'utf8')
      if (!text.includes('QUORATE_')) continue
      for (const [word] of text.matchAll(/QUORATE_[A-Z_]*[A-Z]/g)) words.add(word)
      const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
      visit(file, (node) => {
        if (ts.isStringLiteralLike(node) && CODE.test(node.text) && isCode(node)) {
          used.push({ code: node.text, file: relative(join(one.path, '..'), path) })
        }
        if (!ts.isClassDeclaration(node)) return
        const entry = entryOf(node, one.name)
        if (entry !== undefined) entries.push(entry)
      })
    }
  }
  for (const [code, text] of Object.entries(RECORDED)) {
    const owner = used.find((use) => use.code === code)
    const name = `@quorate/${owner?.file.split(/[/\\]/)[0] ?? 'unknown'}`
    entries.push({ code, package: name, className: undefined, text, outcomes: [], facts: [] })
  }
  return { entries: entries.toSorted((a, b) => (a.code < b.code ? -1 : 1)), used, words }
}

/** The page's entries as Markdown. */
export function errorsMarkdown(entries: readonly ErrorEntry[]): string {
  return entries.map(sectionOf).join('\n')
}

function sectionOf(entry: ErrorEntry): string {
  const page = `/reference/packages/${entry.package.replace('@quorate/', '')}`
  const subject = entry.className === undefined ? 'A code of' : `\`${entry.className}\` of`
  const outcomes = entry.outcomes.map((outcome) => `\`${outcome}\``).join(' or ')
  const lines = [
    `## ${entry.code}`,
    '',
    `${subject} [${entry.package}](${page})${outcomes === '' ? '' : ` · outcome ${outcomes}`}`,
    '',
    entry.text,
    '',
  ]
  if (entry.facts.length > 0) {
    lines.push('| field | type | meaning |', '| --- | --- | --- |')
    for (const { name, type, text } of entry.facts)
      lines.push(`| \`${name}\` | \`${cell(type)}\` | ${cell(text)} |`)
    lines.push('')
  }
  return lines.join('\n')
}

const cell = (text: string): string => text.replace(/\s+/g, ' ').replaceAll('|', '\\|')

function entryOf(node: ts.ClassDeclaration, packageName: string): ErrorEntry | undefined {
  const fields = node.members.filter((member) => ts.isPropertyDeclaration(member))
  const code = fields.find((field) => field.name.getText() === 'code')?.initializer
  if (code === undefined || !ts.isStringLiteralLike(code) || !CODE.test(code.text)) return undefined
  const outcomes = new Set<string>()
  visit(node, (child) => {
    // Handed to the base class, or a field, where a package keeps no base class.
    const isPlace = ts.isPropertyAssignment(child) || ts.isPropertyDeclaration(child)
    if (isPlace && child.name.getText() === 'outcome' && child.initializer !== undefined)
      collect(child.initializer, outcomes)
  })
  return {
    code: code.text,
    package: packageName,
    className: node.name?.text,
    text: docOf(node),
    outcomes: outcomes.size === 0 ? ['not-applied', 'unknown'] : [...outcomes].toSorted(),
    facts: fields
      .filter(({ name }) => !['code', 'outcome'].includes(name.getText()) && !ts.isPrivateIdentifier(name))
      .map((field) => ({
        name: field.name.getText(),
        type: field.type?.getText() ?? '',
        text: docOf(field),
      })),
  }
}

/** The literals that an expression can have as its value; nothing for one that is handed in. */
function collect(value: ts.Expression, into: Set<string>): void {
  if (ts.isStringLiteralLike(value)) into.add(value.text)
  if (!ts.isConditionalExpression(value)) return
  collect(value.whenTrue, into)
  collect(value.whenFalse, into)
}

/** The TSDoc of a declaration, `{@link x}` as `x`, its block tags left out. */
function docOf(node: ts.Node): string {
  const docs = ts.getJSDocCommentsAndTags(node).filter((doc) => ts.isJSDoc(doc))
  const text = docs.map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? '').join('\n')
  return text.replace(/\{@link\s+([^}|\s]+)[^}]*\}/g, '`$1`').trim()
}

/** Is the literal the value of something called `code`, directly or as a default? */
function isCode(node: ts.Node): boolean {
  for (
    let parent: ts.Node | undefined = node.parent, depth = 0;
    depth < 3;
    parent = parent?.parent, depth++
  ) {
    if (parent === undefined) return false
    if (ts.isPropertyDeclaration(parent) || ts.isPropertyAssignment(parent))
      return parent.name.getText() === 'code'
    if (!ts.isBinaryExpression(parent)) continue
    if (parent.operatorToken.kind === ts.SyntaxKind.EqualsToken)
      return /(^|\.)code$/.test(parent.left.getText())
  }
  return false
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node)
  node.forEachChild((child) => visit(child, see))
}

function sourcesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && entry.name.endsWith('.ts') && !/\.(test|test-d)\.ts$/.test(entry.name),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}
