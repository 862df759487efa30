// What a browser loads: minified by esbuild, then gzip.
import { gzipSync } from 'node:zlib'
import { buildSync } from 'esbuild'
import type { Case } from '../harness/index.ts'

/** A case whose figure is the size of all that `code` imports, bytes. */
export function sizeOf(name: string, code: string): Case {
  const { outputFiles } = buildSync({
    stdin: { contents: code, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
    // Assertions of Node have no counterpart to load in a browser; their weight is no clock's.
    external: ['node:*', 'assert', 'util'],
  })
  const bytes = gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length
  return { name, round: () => ({ 'min + gzip': bytes }) }
}
