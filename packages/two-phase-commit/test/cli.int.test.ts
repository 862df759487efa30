import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { createCoordinator, coLocated } from '@quorate/two-phase-commit'
import { audit, coordinatorOf, oneServer, openBank, transfer } from './support.ts'
import { watched } from './watched.ts'

const host = await oneServer()
const bank = await openBank(host.urls)
afterAll(async () => {
  await bank[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
})

interface End {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const cli = (...args: readonly string[]): Promise<End> => cliWith(bank.urls.orders, ...args)

/** @param orders where the orders are said to be. */
function cliWith(orders: string, ...args: readonly string[]): Promise<End> {
  const file = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
  const all = [
    '--conditions=@quorate/source',
    file,
    ...args,
    '-p',
    `payments=${bank.urls.payments}`,
    '-p',
    'orders=env:ORDERS_URL',
    '--log',
    'payments',
  ]
  return new Promise((resolve) => {
    const env = { ...process.env, ORDERS_URL: orders }
    execFile(process.execPath, all, { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}

const SAME_DATABASE =
  'two-phase-commit: Cannot use payments and orders as two participants: both are the same database; make them one\n'

/** What recovery leaves alone is younger. */
const LEFT_OVER_MS = 10_000

const serverMs = async (): Promise<number> => {
  const { rows } = await bank.pools.orders.query<{ ms: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
  )
  return rows[0]?.ms ?? 0
}

test('status, resolve and recover, as a person calls them', { timeout: 120_000 }, async () => {
  expect(await cli('status')).toMatchObject({ code: 69, stderr: /call migrate\(\) once/ })
  await using coordinator = coordinatorOf(bank, 'co-located')
  await coordinator.migrate()
  expect(await cli('status')).toEqual({
    code: 0,
    stdout: 'nothing is prepared, and nothing is on record\n',
    stderr: '',
  })

  await using dying = createCoordinator({
    participants: {
      payments: bank.pools.payments,
      orders: watched(
        'orders',
        () => bank.pools.orders,
        async ({ when, what }) => {
          if (when === 'before' && what === 'ROLLBACK PREPARED') throw new Error('Connection terminated')
          if (when === 'after' && what === 'PREPARE') throw new Error('Connection terminated')
        },
      ),
    },
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
    graceMs: 100,
  })
  const leave = async (row: string): Promise<void> => {
    await expect(transfer(dying, row)).rejects.toMatchObject({ outcome: 'not-applied' })
  }
  await leave('left')
  const { code, stdout } = await cli('status', '--json')
  const [left] = JSON.parse(stdout) as { readonly id: string }[]
  expect([code, left]).toMatchObject([1, { prepared: ['orders'] }])
  const id = left?.id ?? ''
  expect(await cli('status')).toMatchObject({
    code: 1,
    stdout: new RegExp(`^transaction .*\\n${id} +- +orders +\\d`),
  })
  // With one URL for both, what is prepared on the other is not seen: that it is nowhere would be a lie.
  const oneForBoth = { code: 69, stdout: '', stderr: SAME_DATABASE }
  const [same, sameToResolve, away] = await Promise.all([
    cliWith(bank.urls.payments, 'status'),
    cliWith(bank.urls.payments, 'resolve', id, 'abort'),
    cliWith('postgres://127.0.0.1:1/orders', 'status'),
  ])
  expect([same, sameToResolve]).toEqual([oneForBoth, oneForBoth])
  expect((await audit(bank)).prepared).toHaveLength(1)
  // What it says of a server that is away must not sound as if what is prepared there were rolled back.
  expect(away).toEqual({
    code: 69,
    stdout: '',
    stderr: expect.stringMatching(
      /^two-phase-commit: Cannot reach orders: (?!.*rolled back).*\n  .*ECONNREFUSED/,
    ),
  })
  const prepared = async (): Promise<readonly string[]> =>
    (await coordinator.status()).filter((one) => one.prepared.length > 0).map((one) => one.id)
  // What is younger than what recovery takes for left over; a machine can be too slow to ask while it is.
  let since: number
  let recovered: Awaited<ReturnType<typeof cli>>
  do {
    for (const before of await prepared()) await coordinator.resolve(before, 'abort')
    since = await serverMs()
    await leave(`left at ${since}`)
    recovered = await cli('recover')
  } while ((await serverMs()) - since >= LEFT_OVER_MS)
  expect(recovered).toEqual({
    code: 1,
    stdout: '0 ended, 0 left; 1 prepared so lately that they may go on\n',
    stderr: '',
  })
  const [fresh = ''] = await prepared()
  const lock = await bank.pools.payments.connect()
  const [gid = ''] = (await audit(bank)).prepared
  await lock.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`quorate.tpc:${gid.split(':')[1]}`])
  const elsewhere = await cli('recover', '--json')
  lock.release(true)
  expect([elsewhere.code, JSON.parse(elsewhere.stdout)]).toEqual([
    1,
    { recovered: 0, left: 0, unreachable: [], elsewhere: true, prepared: 1 },
  ])
  expect(await cli('resolve', fresh, 'commit')).toMatchObject({
    code: 69,
    stderr: /no commit is on record/,
  })
  expect(await cli('resolve', fresh, 'abort', '--note', 'tested')).toEqual({
    code: 0,
    stdout: `abort ${fresh}: told orders\n`,
    stderr: '',
  })
  expect(await cli('recover')).toMatchObject({ code: 0, stdout: '0 ended, 0 left\n' })
  expect((await audit(bank)).prepared).toEqual([])
  expect(await cli('nonsense')).toMatchObject({ code: 64 })
})
