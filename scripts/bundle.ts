// The one build of every package: run from the package's folder, entries read from its `exports`,
// so what is built and what is published cannot drift apart.
//
// A program that calls tsup, and no config file for it: tsup writes a bundled copy of such a file beside it for a moment,
// and a check of this folder that runs at that time finds a file which is gone when it is read.
import { readFileSync } from 'node:fs'
import { build } from 'tsup'

interface Manifest {
  exports: Record<string, string | { '@quorate/source'?: string }>
  bin?: Record<string, string>
}
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest

const entry: Record<string, string> = {}
for (const target of Object.values(manifest.exports)) {
  if (typeof target === 'string') continue
  const source = target['@quorate/source']
  if (source !== undefined) entry[source.replace(/^\.\/src\//, '').replace(/\.tsx?$/, '')] = source
}
for (const file of Object.values(manifest.bin ?? {})) {
  const name = file.replace(/^\.\/dist\//, '').replace(/\.js$/, '')
  entry[name] = `./src/${name}.ts`
}

await build({
  config: false,
  entry,
  format: ['esm', 'cjs'],
  // Also for CJS: each subpath would else carry its own copy of the classes, and `instanceof` would fail.
  splitting: true,
  // Has rollup write the CJS. What does it otherwise turns classes into expressions, and errors are named `_class3`.
  treeshake: true,
  dts: true,
  sourcemap: true,
  clean: true,
  target: 'node22',
  outDir: 'dist',
})
