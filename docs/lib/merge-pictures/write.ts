// `node --conditions=@quorate/source docs/lib/merge-pictures/write.ts`: draws the pictures of docs/explanation/merge.md anew.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { draw } from './draw.ts'
import { STORIES } from './stories.ts'

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'explanation', 'merge')
mkdirSync(folder, { recursive: true })
for (const [name, story] of Object.entries(STORIES)) writeFileSync(join(folder, `${name}.svg`), draw(story()))
