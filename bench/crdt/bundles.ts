// What a browser has to fetch: each entry whole, bundled and minified by esbuild, then gzip. WebAssembly is counted too.
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { Case, Group } from '../harness/index.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** Sizes do not change from round to round: one is enough. */
function sizeOf(name: string, source: string, wasm?: string): Case {
  return {
    name,
    maxRounds: 1,
    ...(wasm === undefined ? { lacks: ['WebAssembly'] } : {}),
    round: async () => {
      const { outputFiles } = await build({
        stdin: { contents: source, resolveDir: folder },
        bundle: true,
        minify: true,
        format: 'esm',
        platform: 'browser',
        target: 'es2023',
        write: false,
        logLevel: 'error',
        external: [...builtinModules], // which delta-crdts takes for granted
        loader: { '.wasm': 'empty' }, // weighed below
      })
      const javaScript = outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0) / 1_000
      if (wasm === undefined) return { JavaScript: javaScript, all: javaScript }
      const webAssembly =
        gzipSync(readFileSync(new URL(`node_modules/${wasm}`, import.meta.url))).length / 1_000
      return { JavaScript: javaScript, WebAssembly: webAssembly, all: javaScript + webAssembly }
    },
  }
}

const whole = (entry: string): string => `export * from '${entry}'`

/** The sizes of all. */
export const bundlesGroup: Group = {
  title: 'size',
  units: { JavaScript: 'kB', WebAssembly: 'kB', all: 'kB' },
  cases: [
    sizeOf('@quorate/crdt', whole('@quorate/crdt')),
    sizeOf('@quorate/crdt/cart', whole('@quorate/crdt/cart')),
    sizeOf('@quorate/crdt/text', whole('@quorate/crdt/text')),
    sizeOf('@quorate/crdt, one set', `export { createOrSet, decodeOrSet } from '@quorate/crdt'`),
    sizeOf('@quorate/crdt, one counter', `export { createPnCounter, decodePnCounter } from '@quorate/crdt'`),
    sizeOf('yjs', whole('yjs')),
    sizeOf('json-joy', whole('json-joy/lib/json-crdt/index.js')),
    sizeOf('@collabs/collabs', whole('@collabs/collabs')),
    sizeOf('delta-crdts', whole('delta-crdts')),
    sizeOf(
      '@automerge/automerge',
      whole('@automerge/automerge'),
      '@automerge/automerge/dist/mjs/wasm_bindgen_output/bundler/automerge_wasm_bg.wasm',
    ),
    sizeOf('loro-crdt', whole('loro-crdt'), 'loro-crdt/browser/loro_wasm_bg.wasm'),
  ],
}
