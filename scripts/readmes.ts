// Every ```ts block of a README, and of the guides beside it, compiles by itself, as a module in the package's place, against the workspace.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { type Problem, report } from './lib/check.ts'
import { examples, packages, ROOT } from './lib/workspace.ts'
import { codeBlocks } from './readmes/blocks.ts'

export interface Snippet {
  readonly readme: string
  /** Line of its first line in the README, from 1. */
  readonly line: number
  readonly code: string
}

/**
 * Type-checks snippets with one program. They exist in memory only.
 *
 * @param fallbacks folders in which to look for a package that the README's own package does not depend on
 */
export function checkSnippets(snippets: readonly Snippet[], fallbacks: readonly string[]): Problem[] {
  const options = compilerOptions()
  const virtual = new Map<string, Snippet>()
  snippets.forEach((snippet, index) => {
    virtual.set(join(dirname(snippet.readme), 'src', `${basename(snippet.readme)}.${index}.ts`), snippet)
  })
  const host = ts.createCompilerHost(options)
  const disk = ts.createCompilerHost(options)
  host.readFile = (file) => virtual.get(file)?.code ?? disk.readFile(file)
  host.fileExists = (file) => virtual.has(file) || disk.fileExists(file)
  host.getSourceFile = (file, version, ...rest) => {
    const snippet = virtual.get(file)
    if (snippet === undefined) return disk.getSourceFile(file, version, ...rest)
    return ts.createSourceFile(file, snippet.code, version, true)
  }
  const cache = ts.createModuleResolutionCache(ROOT, (file) => file, options)
  host.resolveModuleNameLiterals = (literals, containing, redirected, given, source) =>
    literals.map((literal) => {
      const mode = ts.getModeForUsageLocation(source, literal, given)
      const lookIn = (file: string): ts.ResolvedModuleWithFailedLookupLocations =>
        ts.resolveModuleName(literal.text, file, given, host, cache, redirected, mode)
      let result = lookIn(containing)
      if (!virtual.has(containing)) return result
      for (const folder of fallbacks) {
        if (result.resolvedModule === undefined) result = lookIn(join(folder, 'src', 'snippet.ts'))
      }
      return result
    })

  const program = ts.createProgram([...virtual.keys()], options, host)
  return [...virtual].flatMap(([file, snippet]) => {
    const source = program.getSourceFile(file)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start, code, messageText }) => {
        const offset = source?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0
        const message = `TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n  ')}`
        return { file: snippet.readme, line: snippet.line + offset, message }
      },
    )
  })
}

function guidesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name))
}

function compilerOptions(): ts.CompilerOptions {
  const base = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), (file) => ts.sys.readFile(file))
  const { options } = ts.convertCompilerOptionsFromJson(
    (base.config as { compilerOptions: unknown }).compilerOptions,
    ROOT,
  )
  // A README shows, it does not export: its types may be inferred and its values unused.
  return {
    ...options,
    isolatedDeclarations: false,
    declaration: false,
    noUnusedLocals: false,
    experimentalDecorators: true, // those of Nest, which are not what JavaScript calls so
    types: ['node'],
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const readmes = [ROOT, ...packages().map(({ path }) => path), ...examples().map(({ path }) => path)]
    .flatMap((folder) => [join(folder, 'README.md'), ...guidesIn(join(folder, 'guides'))])
    .filter((file) => existsSync(file))
  const snippets = readmes.flatMap((readme) =>
    codeBlocks(readFileSync(readme, 'utf8'))
      .filter(({ language }) => language === 'ts')
      .map(({ code, line }) => ({ readme, line, code })),
  )
  const fallbacks = [...packages(), ...examples()].map(({ path }) => path)
  report(
    'readmes',
    `${snippets.length} snippets of ${readmes.length} READMEs and guides`,
    checkSnippets(snippets, fallbacks),
  )
}
