import { SagaFencedError } from '../errors.ts'
import type { SagaStatus } from '../log.ts'
import type { SagaStore, SagaWrite } from '../store.ts'

/** One promise of the store, as a test that fails by throwing; hand it to any test runner. */
export interface SagaStoreContractCase {
  readonly name: string
  /** @param makeStore a store with nothing in it, migrated. */
  readonly run: (makeStore: () => Promise<SagaStore<unknown>>) => Promise<void>
}

const LEASE_MS = 60_000

/**
 * What every {@link SagaStore} promises. To test one of your own:
 *
 * @example
 * ```ts
 * for (const { name, run } of sagaStoreContract) test(name, () => run(makeStore))
 * ```
 */
export const sagaStoreContract: readonly SagaStoreContractCase[] = [
  contract('migrate() can be repeated', async (store) => {
    await store.migrate()
    await Promise.all([store.migrate(), store.migrate()])
  }),
  contract('register() never hands out a worker twice', async (store) => {
    const first = await store.register(LEASE_MS)
    await store.unregister(first)
    equal(first === (await store.register(LEASE_MS)), false)
  }),
  contract('write() inserts a saga with its first append', async (store) => {
    const worker = await store.register(LEASE_MS)
    equal(await store.write(worker, [start('a')]), ['written'])
    const [saga] = await store.load(['a'])
    equal([saga?.name, saga?.version, saga?.status, saga?.input], ['test', 1, 'running', { n: 1 }])
    equal(saga?.log[0]?.records, [{ type: 'started', step: 'one' }])
  }),
  contract('write() leaves a saga alone that exists', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a')])
    equal(await store.write(worker, [start('a', { input: '2' }), start('b')]), ['exists', 'written'])
    equal((await store.load(['a']))[0]?.input, { n: 1 })
  }),
  contract('write() repeated changes nothing', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a')])
    const next: SagaWrite = { id: 'a', seq: 1, records: '[{"type":"done","step":"one"}]' }
    await store.write(worker, [next])
    await store.write(worker, [next])
    equal((await store.load(['a']))[0]?.log.length, 2)
  }),
  contract('write() keeps text as it was given', async (store) => {
    const worker = await store.register(LEASE_MS)
    const input = { quote: `"'\\{}`, nul: '\0', pair: '👍', lone: '\ud800', comma: ',NULL', big: 2 ** 53 }
    await store.write(worker, [start('a', { input: JSON.stringify(input) })])
    equal((await store.load(['a']))[0]?.input, input)
  }),
  contract('a fenced worker writes nothing', async (store) => {
    const worker = await store.register(-1)
    await store.write(worker, [start('a')])
    equal(await store.reap(), 1)
    await rejectsFenced(store.write(worker, [{ id: 'a', seq: 1, records: '[{"type":"done","step":"one"}]' }]))
    await rejectsFenced(store.write(worker, [start('b')]))
    await rejectsFenced(store.claim(worker, ['test'], 1))
    await rejectsFenced(store.transact(worker, NEVER, async () => ({ id: 'a', seq: 1, records: '[]' })))
    equal(await store.renew(worker, LEASE_MS), false)
    equal((await store.load(['a']))[0]?.log.length, 1)
    equal(await store.load(['b']), [])
  }),
  contract('renew() keeps a lease that ran out and was not taken', async (store) => {
    const worker = await store.register(-1)
    equal(await store.renew(worker, LEASE_MS), true)
    equal(await store.reap(), 0)
    equal(await store.write(worker, [start('a')]), ['written'])
  }),
  contract('unregister() frees sagas for others at once', async (store) => {
    const [one, two] = [await store.register(LEASE_MS), await store.register(LEASE_MS)]
    await store.write(one, [start('a')])
    equal(await store.claim(two, ['test'], 10), [])
    await store.unregister(one)
    equal(
      (await store.claim(two, ['test'], 10)).map(({ id, log }) => [id, log.length]),
      [['a', 1]],
    )
  }),
  contract('claim() takes what nobody owns, once, and only known names', async (store) => {
    const [one, two] = [await store.register(LEASE_MS), await store.register(LEASE_MS)]
    await store.write(undefined, [start('a', { owned: false }), start('b', { owned: false })])
    equal(await store.claim(one, ['other'], 10), [])
    const claims = await Promise.all([store.claim(one, ['test'], 1), store.claim(two, ['test'], 10)])
    equal(
      claims
        .flat()
        .map(({ id }) => id)
        .toSorted(),
      ['a', 'b'],
    )
    equal(await store.claim(one, ['test'], 10), [])
  }),
  contract('owned() names what a worker owns', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a'), start('b'), start('c', { owned: false })])
    await store.write(worker, [change('a', 'completed', {})])
    await store.claim(worker, ['test'], 10)
    equal((await store.owned(worker)).toSorted(), ['b', 'c'])
  }),
  contract('claim() takes those that compensate first', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a'), start('b')])
    await store.write(worker, [
      change('a', 'running', { dueInMs: -5 }),
      change('b', 'compensating', { dueInMs: 0 }),
    ])
    equal(
      (await store.claim(worker, ['test'], 1)).map(({ id }) => id),
      ['b'],
    )
  }),
  contract('a parked saga is due when its time is up', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a'), start('b')])
    await store.write(worker, [
      change('a', 'running', { dueInMs: 3_600_000 }),
      change('b', 'running', { dueInMs: 0 }),
    ])
    const claimed = await store.claim(worker, ['test'], 10)
    equal(
      claimed.map(({ id }) => id),
      ['b'],
    )
    equal((claimed[0]?.dueInMs ?? 1) <= 0, true)
    const left = (await store.load(['a']))[0]?.dueInMs ?? 0
    equal(left > 3_500_000 && left <= 3_600_000, true)
  }),
  contract('signal() makes a parked saga due and is read with it', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a')])
    await store.write(worker, [change('a', 'running', { dueInMs: 3_600_000 })])
    equal(await store.signal('a', 'go', '{"by":"ann"}'), true)
    equal(await store.signal('a', 'stop', undefined), true)
    const [saga] = await store.claim(worker, ['test'], 10)
    equal(saga?.signals, [
      { seq: 1, name: 'go', payload: { by: 'ann' } },
      { seq: 2, name: 'stop', payload: undefined },
    ])
    equal((saga?.dueInMs ?? 0) > 3_500_000, true)
  }),
  contract('a saga is not parked past a signal it has not seen', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a')])
    await store.signal('a', 'go', undefined)
    equal(await store.write(worker, [change('a', 'running', { dueInMs: 3_600_000 })]), ['kept'])
    equal((await store.load(['a'], worker)).length, 1)
    equal(await store.write(worker, [change('a', 'running', { dueInMs: 3_600_000, seq: 2, seen: 1 })]), [
      'written',
    ])
    equal((await store.load(['a'], worker)).length, 0)
  }),
  contract('signal() knows sagas that ended and that never were', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a')])
    await store.write(worker, [change('a', 'completed', {})])
    equal(
      [await store.signal('a', 'go', undefined), await store.signal('x', 'go', undefined)],
      [false, undefined],
    )
    equal(await store.settled(['a', 'x']), ['a'])
    equal((await store.load(['a']))[0]?.endedAtMs === undefined, false)
  }),
  contract('transact() commits the append with the body', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a')])
    const records = '[{"type":"done","step":"one","result":7}]'
    equal(await store.transact(worker, NEVER, async () => ({ id: 'a', seq: 1, records })), 'written')
    equal((await store.load(['a']))[0]?.log[1]?.records, [{ type: 'done', step: 'one', result: 7 }])
  }),
  contract('transact() commits nothing when the body throws', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a')])
    const refused = new Error('refused')
    const thrown = await store
      .transact(worker, NEVER, () => Promise.reject(refused))
      .catch((error: unknown) => error)
    equal(thrown === refused, true)
    equal((await store.load(['a']))[0]?.log.length, 1)
  }),
  contract('transact() refuses a place in the log that is taken', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a')])
    const late = store.transact(worker, NEVER, async () => ({
      id: 'a',
      seq: 0,
      records: '[{"type":"retried"}]',
    }))
    equal(
      await late.then(
        () => 'written',
        () => 'refused',
      ),
      'refused',
    )
    equal((await store.load(['a']))[0]?.log[0]?.records, [{ type: 'started', step: 'one' }])
  }),
  contract('reopen() works once on a saga that needs attention', async (store) => {
    const worker = await store.register(LEASE_MS)
    await store.write(worker, [start('a')])
    equal(await store.reopen('a', 1, '[{"type":"retried"}]', 'running'), false)
    await store.write(worker, [change('a', 'needs-attention', {})])
    equal(await store.claim(worker, ['test'], 10), [])
    equal(await store.reopen('a', 2, '[{"type":"retried"}]', 'running'), true)
    equal(await store.reopen('a', 2, '[{"type":"retried"}]', 'running'), false)
    equal(
      (await store.claim(worker, ['test'], 10)).map(({ id, log }) => [id, log.length]),
      [['a', 3]],
    )
  }),
  contract('list() filters, newest first', async (store) => {
    const worker = await store.register(LEASE_MS)
    for (const id of ['a', 'b', 'c']) await store.write(worker, [start(id)])
    await store.write(worker, [change('b', 'needs-attention', {})])
    equal(
      (await store.list({ limit: 2 })).map(({ id }) => id),
      ['c', 'b'],
    )
    equal(
      (await store.list({ status: 'needs-attention' })).map(({ id }) => id),
      ['b'],
    )
    equal(await store.list({ name: 'other' }), [])
  }),
]

const NEVER = new AbortController().signal

function contract(name: string, body: (store: SagaStore<unknown>) => Promise<void>): SagaStoreContractCase {
  return { name, run: async (makeStore) => body(await makeStore()) }
}

const start = (id: string, { input = '{"n":1}', owned = true } = {}): SagaWrite => ({
  id,
  seq: 0,
  records: owned ? '[{"type":"started","step":"one"}]' : '[]',
  start: { name: 'test', version: 1, input, owned },
})

const change = (
  id: string,
  status: SagaStatus,
  { dueInMs, seq = 1, seen = 0 }: { dueInMs?: number; seq?: number; seen?: number },
): SagaWrite => ({ id, seq, records: '[]', row: { status, release: true, dueInMs, seen } })

function equal(actual: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (left !== right) throw new Error(`Expected ${right}, got ${left}`)
}

async function rejectsFenced(operation: Promise<unknown>): Promise<void> {
  const error = await operation.then(
    () => 'success',
    (reason: unknown) => reason,
  )
  if (!(error instanceof SagaFencedError)) throw new Error(`Expected SagaFencedError, got ${String(error)}`)
}
