import { readFile } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'

test('the program of the page about merging prints what the page shows', async () => {
  const lines: unknown[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(line))
  await import('./phone-and-laptop.ts')
  log.mockRestore()
  const shown = await readFile(new URL('phone-and-laptop.out.txt', import.meta.url), 'utf8')
  expect(`${lines.join('\n')}\n`).toBe(shown)
})
