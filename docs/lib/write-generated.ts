// `node docs/lib/write-generated.ts`: renews the generated parts of README.md and ARCHITECTURE.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PLACES, renewed } from './generated.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
for (const { file, part, text } of PLACES) {
  const path = join(root, file)
  writeFileSync(path, renewed(readFileSync(path, 'utf8'), part, text()))
}
