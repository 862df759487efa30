import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startOf, withLock } from './lock.mjs'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorate lock '))
  file = join(folder, 'lock')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Ten at once; the work notices if another one is inside. */
async function contend(): Promise<number> {
  let [inside, most] = [0, 0]
  const one = (): Promise<void> =>
    withLock(
      file,
      async () => {
        most = Math.max(most, ++inside)
        for (let round = 0; round < 5; round++) await turn()
        inside--
      },
      { pollMs: 1 },
    )
  await Promise.all(Array.from({ length: 10 }, one))
  return most
}

function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid
}

function held(owner: object, ageMs = 0): void {
  writeFileSync(file, JSON.stringify(owner))
  const then = new Date(Date.now() - ageMs)
  utimesSync(file, then, then)
}

test('withLock() lets one in at a time and leaves no file', async () => {
  expect(await contend()).toBe(1)
  expect(existsSync(file)).toBe(false)
})

test('withLock() takes over from a dead owner, and ten waiters still enter one by one', async () => {
  held({ pid: deadPid(), started: '1', host: hostname() })
  expect(await contend()).toBe(1)
})

test('withLock() is not fooled by a new process with the id of a dead owner', async () => {
  held({ pid: process.pid, started: 'another time', host: hostname() })
  expect(await withLock(file, async () => 'in')).toBe('in')
})

test('withLock() waits for a live owner and names it', async () => {
  held({ pid: process.pid, started: startOf(process.pid), host: hostname() })
  let waitedFor: unknown
  await withLock(file, async () => {}, {
    pollMs: 1,
    onWait: (owner) => {
      waitedFor = owner
      rmSync(file)
    },
  })
  expect(waitedFor).toMatchObject({ pid: process.pid, host: hostname() })
})

test.each([
  ['fresh', 0, 'waits'],
  ['silent for a minute', 60_000, 'enters'],
])('withLock() judges an owner on another machine by its sign of life: %s', async (_, ageMs, what) => {
  held({ pid: 1, started: '1', host: 'elsewhere' }, ageMs)
  let happened = 'enters'
  await withLock(file, async () => {}, {
    pollMs: 1,
    onWait: () => {
      happened = 'waits'
      rmSync(file)
    },
  })
  expect(happened).toBe(what)
})

test('withLock() releases when the work fails', async () => {
  const failing = withLock(file, () => Promise.reject(new Error('no')))
  await expect(failing).rejects.toThrow('no')
  expect(existsSync(file)).toBe(false)
})

test('withLock() says what to do when the folder cannot be written', async () => {
  writeFileSync(join(folder, 'plain'), '')
  const failing = withLock(join(folder, 'plain', 'lock'), async () => {})
  await expect(failing).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining('plain'),
  })
})
