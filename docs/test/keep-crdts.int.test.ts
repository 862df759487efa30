import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const path = (file: string): string => fileURLToPath(new URL(`../snippets/${file}`, import.meta.url))

test('the program of the page about keeping CRDTs prints what the page shows', async () => {
  const args = ['--conditions=@quorate/source', path('keep-crdts.ts')]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toBe(await readFile(path('keep-crdts.out.txt'), 'utf8'))
})
