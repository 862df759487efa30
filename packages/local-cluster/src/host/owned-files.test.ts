import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { writeOwned } from './owned-files.ts'

test('who reads a file while it is written has the old text or the new one, never a part', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'owned-'))
  try {
    const file = path.join(folder, 'settings')
    const texts = ['a', 'b'].map((letter) => letter.repeat(1_000_000))
    await writeOwned(file, texts[0] as string, undefined)
    const seen = new Set<string>()
    for (let round = 1; round <= 50; round++) {
      const writing = { isDone: false }
      const written = writeOwned(file, texts[round % 2] as string, undefined).then(
        () => (writing.isDone = true),
      )
      do seen.add(await readFile(file, 'utf8'))
      while (!writing.isDone)
      await written
    }
    expect([...seen].every((text) => texts.includes(text))).toBe(true)
    expect(await readdir(folder)).toEqual(['settings'])
  } finally {
    await rm(folder, { recursive: true })
  }
})
