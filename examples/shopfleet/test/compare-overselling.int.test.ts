import { mkdtemp, readdir, readFile, rm, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OVERSELLING } from '../src/services/inventory/overselling.ts'
import { runShopfleet } from './run-shopfleet.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shopfleet compare '))
  // Root's servers run under another account, which has to get in.
  await chmod(folder, 0o755)
})
afterAll(() => rm(folder, { recursive: true }))

const SMALL = [
  '--compare-overselling',
  '--units',
  '5',
  '--customers',
  '60',
  '--concurrency',
  '16',
  '--seconds',
  '1',
]

test('--compare-overselling: each answer sells exactly what is there, the naive one more; a table, a chart', async () => {
  const chart = join(folder, 'chart.svg')
  const { code, stdout, stderr } = await runShopfleet([...SMALL, '--report', chart]).ended
  expect(`${code} ${stderr}`, stdout).toBe('0 ')
  for (const answer of ['version', ...OVERSELLING]) {
    expect(stdout).toMatch(new RegExp(`^ +${answer} +\\d+ +\\d+ +\\d+ +\\d+ +5 +[\\d.]+ s +exactly$`, 'm'))
    expect(stdout).toMatch(new RegExp(`^ +${answer} +\\d+ +\\d+ +\\d+ +[\\d.]+ +[\\d.]+ +[\\d.]+ +\\w`, 'm'))
    expect(stdout).toMatch(new RegExp(`^ +${answer} +█+░* \\d+$`, 'm'))
  }
  expect(stdout).toMatch(/^ +naive .* WRONG: \d+ sold that were not there$/m)
  const svg = await readFile(chart, 'utf8')
  expect(svg.match(/<rect class="sold"[^>]*><title>5 sold<\/title>/g)).toHaveLength(6)
  expect(svg).toMatch(/<rect class="wrong"[^>]*><title>\d+ sold that were not there/)
  expect(svg.match(/<rect class="speed"/g)).toHaveLength(6)
})

test('Ctrl-C ends a comparison and leaves nothing behind', async () => {
  const temporary = await mkdtemp(join(folder, 'tmp '))
  await chmod(temporary, 0o755)
  const { child, printed, ended } = runShopfleet(['--compare-overselling', '--seconds', '60'], {
    TMPDIR: temporary,
  })
  await printed(/databases .*1\/1/)
  child.kill('SIGINT')
  const { code, stderr } = await ended
  expect([code, stderr.trim()]).toEqual([130, 'Stopped.'])
  const left = (await readdir(temporary)).filter((name) => !name.startsWith('quorate-cache'))
  expect(left).toEqual([])
})
