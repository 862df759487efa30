import { expect, test } from 'vitest'
import { isolated } from './isolated.ts'

const module = new URL('testdata/isolated-module.ts', import.meta.url)

test('isolated() runs all rounds in one process, which is not this one and ends with close()', async () => {
  const one = isolated('one', module, ['count'])
  const first = await one.round(0)
  const second = await one.round(1)
  expect(first).toMatchObject({ time: 1, round: 0 })
  expect(second).toMatchObject({ time: 2, round: 1, pid: first['pid'] })
  expect(first['pid']).not.toBe(process.pid)
  await one.close()
  expect(() => process.kill(first['pid'] as number, 0)).toThrow('ESRCH')
  await one.close() // nothing left to close
})

test('isolated() tells apart a wrong answer and a process that ended', async () => {
  const wrong = isolated('wrong', module, ['wrong'])
  await expect(wrong.round(0)).rejects.toThrow(/^wrong: Error: wrong answer/)
  await wrong.close()
  const exits = isolated('exits', module, ['exit'])
  await expect(exits.round(2)).rejects.toThrow('The process of exits ended with exit code 3 in round 2')
  await exits.close()
})
