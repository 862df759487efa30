import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const path = (file: string): string => fileURLToPath(new URL(`../snippets/${file}`, import.meta.url))

test('the program of the how-to page finds the broken promise, and draws it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-docs-'))
  try {
    const picture = join(folder, 'prices.html')
    const args = ['--conditions=@quorate/source', path('prove-a-guarantee.ts'), '42', picture]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    expect(stdout).toBe(await readFile(path('prove-a-guarantee.out.txt'), 'utf8'))
    expect(await readFile(picture, 'utf8')).toContain('read-your-writes')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
