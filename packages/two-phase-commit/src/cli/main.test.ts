import { expect, test } from 'vitest'
import { main } from './main.ts'

/** No server answers; `ended` are the pools that were closed. */
async function status(
  refusal: Error,
): Promise<{ code: number; stdout: string; stderr: string; ended: string[] }> {
  const said = { stdout: '', stderr: '', ended: [] as string[] }
  const code = await main(
    ['status', '-p', 'payments=postgres://a', '-p', 'orders=postgres://b', '--log-url', 'postgres://c'],
    {
      stdout: { write: (text) => (said.stdout += text) },
      stderr: { write: (text) => (said.stderr += text) },
      env: {},
      connect: (url) => ({
        connect: () => Promise.reject(refusal),
        end: () => Promise.resolve(said.ended.push(url)),
      }),
    },
  )
  return { code, ...said }
}

test('why a server does not answer is said, and every pool is closed', async () => {
  const { code, stdout, stderr, ended } = await status(new Error('connect ECONNREFUSED 127.0.0.1:1'))
  expect([code, stdout]).toEqual([69, ''])
  expect(stderr).toMatch(/^two-phase-commit: Cannot reach .*\n  connect ECONNREFUSED 127\.0\.0\.1:1\n$/)
  expect(ended.toSorted()).toEqual(['postgres://a', 'postgres://b', 'postgres://c'])
})

test('also where Node has tried several addresses of a name, and its error has no text', async () => {
  const tried = ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}:1`))
  expect((await status(new AggregateError(tried))).stderr).toMatch(
    /\n  connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127\.0\.0\.1:1\n$/,
  )
})
