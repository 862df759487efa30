import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Journal } from '../src/replay/journal.ts'
import { readOrdersFile } from '../src/replay/orders-file.ts'
import { ordersCsv } from './orders-csv.ts'
import { runShopfleet } from './run-shopfleet.ts'

let folder = ''
let orders = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shopfleet cli '))
  // Root's servers run under another account, which has to get in.
  await chmod(folder, 0o755)
  orders = join(folder, 'orders.csv')
  await writeFile(orders, ordersCsv({ invoices: 3, customers: 2 }))
})
afterAll(() => rm(folder, { recursive: true }))

/** Runs with a temporary folder of its own, and tells what is left in it. */
async function refused(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const temporary = await mkdtemp(join(folder, 'tmp-'))
  await chmod(temporary, 0o755)
  const { code, stderr, stdout } = await runShopfleet(args, { TMPDIR: temporary, ...env }).ended
  const left = (await readdir(temporary)).filter((name) => !name.startsWith('quorate-cache'))
  return { code, stderr, stdout, left }
}

describe('what is wrong is said in one line, with exit code 2 and nothing left behind:', () => {
  test.each([
    ['an unknown option', () => ['--order', 'x.csv'], /Unknown option '--order'.*--help/],
    [
      'no such file',
      () => ['--orders', join(folder, 'absent.csv'), '--once'],
      /there is no such file.*--orders/,
    ],
    ['a folder', () => ['--orders', folder, '--once'], /is not a file/],
    ['nothing to resume', () => ['--resume', '--once'], /Nothing to resume/],
    [
      'a report that cannot be written',
      () => ['--orders', orders, '--once', '--report', join(folder, 'no', 'out.json')],
      /its folder does not exist/,
    ],
    [
      'a report that is a folder',
      () => ['--orders', orders, '--once', '--report', folder],
      /is a folder; name a file/,
    ],
  ])('%s', async (_what, args, message) => {
    const { code, stderr, left } = await refused(args())
    expect(stderr).toMatch(message)
    expect(stderr.trim()).not.toContain('\n')
    expect({ code, left }).toEqual({ code: 2, left: [] })
  })

  test('a file with other columns', async () => {
    const path = join(folder, 'other.csv')
    await writeFile(path, 'a,b\n1,2\n')
    const { code, stderr, left } = await refused(['--orders', path, '--once'])
    expect(stderr).toMatch(/has none of the columns/)
    expect({ code, left }).toEqual({ code: 2, left: [] })
  })

  test('a port that is taken', async () => {
    const server = createServer()
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as { port: number }
    try {
      const { code, stderr, left } = await refused(['--once', '--port', String(port)])
      expect(stderr).toContain(String(port))
      expect(stderr.trim()).not.toContain('\n')
      expect({ code, left }).toEqual({ code: 2, left: [] })
    } finally {
      await new Promise((done) => server.close(done))
    }
  })
})

test('no Redis to be had: said in one line, and a replay that was cut off can still be gone on with', async () => {
  const state = join(folder, 'state')
  const { sha256 } = await readOrdersFile(orders)
  Journal.create(state, { version: 1, orders, sha256, times: 1, concurrency: 4 }).append({ type: 'loaded' })
  const resume = ['--resume', '--once', '--state', state]
  const noRedis = { QUORATE_REDIS: join(folder, 'no-such-redis') }
  const { code, stdout, stderr, left } = await refused(resume, noRedis)
  expect(stderr).toMatch(/redis/i)
  expect(stderr.trim()).not.toContain('\n')
  expect({ code, left }).toEqual({ code: 2, left: [] })
  expect(stdout).toContain(`npm start -- --resume --state ${state} goes on with it`)
  expect(Journal.open(state)?.loaded).toBe(true)
})

test('relative paths are the caller’s, not those of the folder it runs in', async () => {
  const { code, stderr } = await refused(['--orders', 'absent.csv', '--once'], { INIT_CWD: folder })
  expect(stderr).toContain(join(folder, 'absent.csv'))
  expect(code).toBe(2)
})

test('--help lists every option and starts nothing', async () => {
  const { code, stdout, left } = await refused(['--help'])
  expect(stdout).toMatch(/--orders FILE[\s\S]*--resume/)
  expect({ code, left }).toEqual({ code: 0, left: [] })
})

test('npm start -- --once tells the story and ends, with nothing left behind', async () => {
  const { code, stdout, stderr, left } = await refused(['--once'])
  expect(`${code} ${stderr}`, stdout).toBe('0 ')
  expect(stdout).toMatch(/the laptop hears of \+2 MUG from the phone, the phone of \+1 MUG, \+1 POT/)
  expect(stdout).toMatch(/nothing lost, nothing twice: 3 MUG, 1 POT, 1 TEA/)
  expect(stdout).toMatch(/DELIVERED/)
  expect(left).toEqual([])
})
