import { VirtualClock } from '@quorate/core'
import { expect, test, vi } from 'vitest'
import { AnswerError, optimistic, RollbackError, type OptimisticOptions } from './index.ts'

/** A server that a test answers for. */
function setup(options: Partial<OptimisticOptions<number>> = {}) {
  const reads: PromiseWithResolvers<number>[] = []
  const clock = new VirtualClock()
  const signals: AbortSignal[] = []
  const store = optimistic<number>({
    read: (_, { signal }) => {
      signals.push(signal)
      const one = Promise.withResolvers<number>()
      reads.push(one)
      return one.promise
    },
    clock,
    random: () => 0.5,
    ...options,
  })
  const writes: PromiseWithResolvers<unknown>[] = []
  const write = (): Promise<unknown> => {
    const one = Promise.withResolvers<unknown>()
    writes.push(one)
    return one.promise
  }
  const set = (value: number, latest = false) => store.update('k', { change: () => value, write, latest })
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return { store, reads, writes, write, set, clock, signals, turn }
}

const refused = { ok: false, status: 409 }

test('update() shows the change at once, and confirms it by a read after the write', async () => {
  const { store, reads, writes, set, turn } = setup()
  store.seed('k', 1)
  const result = set(2)
  expect(store.getSnapshot('k')).toEqual({ value: 2, status: 'pending', pending: 1, error: undefined })
  expect(reads).toHaveLength(0)
  writes[0]?.resolve({ ok: true, status: 204 })
  await turn()
  expect([reads.length, store.getSnapshot('k').status]).toEqual([1, 'pending'])
  reads[0]?.resolve(2)
  expect(await result).toEqual({ status: 'confirmed', value: 2 })
  expect(store.getSnapshot('k')).toEqual({ value: 2, status: 'settled', pending: 0, error: undefined })
})

test('a refused write is taken back with its reason, and the key is read again', async () => {
  const onRollback = vi.fn<(error: RollbackError) => void>()
  const { store, reads, writes, set, turn } = setup({ onRollback })
  store.seed('k', 1)
  const result = set(2)
  writes[0]?.resolve(refused)
  const { status, value } = await result
  expect([status, value]).toEqual(['rolled-back', 1])
  const { error } = store.getSnapshot('k')
  expect(error).toBeInstanceOf(RollbackError)
  expect(error).toMatchObject({
    code: 'QUORATE_RYW_ROLLED_BACK',
    key: 'k',
    reason: 'refused',
    outcome: 'not-applied',
    cause: { code: 'QUORATE_RYW_ANSWER', status: 409, outcome: 'not-applied' },
  })
  expect(onRollback).toHaveBeenCalledExactlyOnceWith(error)
  reads[0]?.resolve(7)
  await turn()
  expect(store.getSnapshot('k')).toMatchObject({ value: 7, status: 'settled' })
})

test.each([
  ['a network error', () => Promise.reject(new TypeError('fetch failed'))],
  ['a gateway that gave up', () => Promise.resolve({ ok: false, status: 504 })],
])('%s is no reason to roll back: the read decides', async (_, write) => {
  for (const [seen, status] of [
    [2, 'confirmed'],
    [1, 'rolled-back'],
  ] as const) {
    const { store, reads, turn } = setup()
    store.seed('k', 1)
    const result = store.update('k', { change: () => 2, write })
    await turn()
    expect(store.getSnapshot('k')).toMatchObject({ value: 2, status: 'pending' })
    reads[0]?.resolve(seen)
    expect(await result).toMatchObject({ status, value: seen })
  }
})

test('a write that is acknowledged and not to be seen is taken back', async () => {
  const { store, reads, writes, set, turn } = setup()
  store.seed('k', 1)
  const result = set(2)
  writes[0]?.resolve(undefined)
  await turn()
  reads[0]?.resolve(5)
  expect(await result).toMatchObject({
    status: 'rolled-back',
    value: 5,
    error: { reason: 'disagreed', outcome: 'unknown' },
  })
})

test('isDone() looks at what is the user’s own: others may count as well', async () => {
  const { store, reads, write, writes, turn } = setup()
  store.seed('k', 10)
  const change = (likes = 0): number => likes + 1
  const result = store.update('k', { change, write, isDone: (read, expected) => read >= expected })
  writes[0]?.resolve(undefined)
  await turn()
  reads[0]?.resolve(14)
  expect(await result).toEqual({ status: 'confirmed', value: 14 })
})

test('updates of one key are sent one after the other, each on top of what was read', async () => {
  const { store, reads, write, writes, turn } = setup()
  store.seed('k', 10)
  const add = (n: number) => store.update('k', { change: (value = 0) => value + n, write })
  const [one, two] = [add(1), add(2)]
  expect([store.getSnapshot('k').value, writes.length]).toEqual([13, 1])
  writes[0]?.resolve(refused)
  expect(await one).toMatchObject({ status: 'rolled-back', value: 12 })
  expect(writes).toHaveLength(2)
  writes[1]?.resolve(undefined)
  await turn()
  reads[0]?.resolve(12)
  expect(await two).toEqual({ status: 'confirmed', value: 12 })
})

test('of latest updates that wait only the last is sent', async () => {
  const { store, reads, writes, set, turn } = setup()
  const results = [set(1, true), set(2, true), set(3, true)]
  expect(store.getSnapshot('k')).toMatchObject({ value: 3, pending: 2 })
  expect(await results[1]).toMatchObject({ status: 'superseded', value: 3 })
  writes[0]?.resolve(undefined)
  await turn()
  reads[0]?.resolve(1)
  await turn()
  expect([writes.length, store.getSnapshot('k').value]).toEqual([2, 3])
  writes[1]?.resolve(undefined)
  await turn()
  reads[1]?.resolve(3)
  expect(await Promise.all([results[0], results[2]])).toMatchObject([{ status: 'confirmed' }, { value: 3 }])
})

test('a read that started before an update does not take it back', async () => {
  const { store, reads, writes, set, turn } = setup()
  store.subscribe('k', () => {})
  expect([reads.length, store.getSnapshot('k').status]).toEqual([1, 'reading'])
  const result = set(2)
  reads[0]?.resolve(1)
  await turn()
  expect(store.getSnapshot('k').value).toBe(2)
  writes[0]?.resolve(undefined)
  await turn()
  reads[1]?.resolve(2)
  expect(await result).toMatchObject({ status: 'confirmed' })
})

test('a read that an update has overtaken is not repeated', async () => {
  const { store, reads, set, turn, clock } = setup()
  store.subscribe('k', () => {})
  void set(2)
  reads[0]?.reject(new Error('down'))
  await turn()
  await clock.advance(10_000)
  await turn()
  expect(reads).toHaveLength(1)
})

test('nobody is called when nothing has changed', () => {
  const { store, set } = setup()
  store.seed('k', 1)
  const listener = vi.fn<() => void>()
  store.subscribe('k', listener)
  void set(2)
  expect(listener).toHaveBeenCalledTimes(1)
  void store.refresh('k') // the read after the write will do
  expect(listener).toHaveBeenCalledTimes(1)
})

test('reads are repeated; when none comes, a taken write stays and an unknown one is taken back', async () => {
  for (const [answer, status] of [
    [{ ok: true, status: 200 }, 'accepted'],
    [{ ok: false, status: 502 }, 'rolled-back'],
  ] as const) {
    const down = new Error('down')
    const read = vi.fn<() => Promise<number>>().mockRejectedValue(down)
    const { store, clock, turn } = setup({ read, readAttempts: 3 })
    store.seed('k', 1)
    const result = store.update('k', { change: () => 2, write: () => Promise.resolve(answer) })
    await turn()
    for (const waitMs of [100, 200]) {
      await clock.advance(waitMs)
      await turn()
    }
    expect(await result).toMatchObject(
      status === 'accepted'
        ? { status, value: 2, cause: down }
        : { status, value: 1, error: { reason: 'unverifiable', outcome: 'unknown', cause: { status: 502 } } },
    )
    expect(read).toHaveBeenCalledTimes(3)
  }
})

test('nothing hangs: a write and a read that never answer end at their deadlines', async () => {
  const { store, clock, set, turn, signals } = setup({
    writeDeadlineMs: 1_000,
    readDeadlineMs: 500,
    readAttempts: 1,
  })
  store.seed('k', 1)
  const result = set(2)
  await clock.advance(999)
  await turn()
  expect(signals).toHaveLength(0)
  await clock.advance(1)
  await turn()
  expect(signals.map(({ aborted }) => aborted)).toEqual([false])
  await clock.advance(500)
  expect(await result).toMatchObject({
    error: { reason: 'unverifiable', cause: { code: 'QUORATE_RYW_NO_ANSWER', deadlineMs: 1_000 } },
  })
  expect(signals[0]?.aborted).toBe(true)
})

test('the snapshot fits useSyncExternalStore: one object until something changes, and then a call', async () => {
  const { store, reads, turn } = setup()
  const listener = vi.fn<() => void>()
  const end = store.subscribe('k', listener)
  const before = store.getSnapshot('k')
  expect(store.getSnapshot('k')).toBe(before)
  expect(store.getSnapshot('other')).toBe(store.getSnapshot('yet another'))
  reads[0]?.resolve(1)
  await turn()
  const after = store.getSnapshot('k')
  expect(after).not.toBe(before)
  const calls = listener.mock.calls.length
  expect(calls).toBeGreaterThan(0)
  store.seed('k', 9) // too late
  expect([store.getSnapshot('k'), listener.mock.calls.length]).toEqual([after, calls])
  end()
  const refreshed = store.refresh('k')
  reads[1]?.resolve(2)
  expect(await refreshed).toMatchObject({ value: 2 })
  expect(listener).toHaveBeenCalledTimes(calls)
})

test('what another tab writes is read again, where somebody looks', async () => {
  const listeners: ((key: string) => void)[] = []
  const client = {
    subscribe: (one: (key: string) => void) => (listeners.push(one), () => void listeners.pop()),
  }
  const { store, reads, turn } = setup({ client })
  store.seed('k', 1)
  store.seed('unseen', 1)
  store.subscribe('k', () => {})
  expect(reads).toHaveLength(0)
  listeners[0]?.('origin')
  expect(reads).toHaveLength(1)
  listeners[0]?.('origin') // while the read is under way, which may miss it
  reads[0]?.resolve(2)
  await turn()
  expect(reads).toHaveLength(2)
  store.close()
  expect(listeners).toHaveLength(0)
})

test('close() ends what is under way, and says what is known of it', async () => {
  const { store, writes, set, signals, turn, reads } = setup()
  store.seed('k', 1)
  const results = [set(2), set(3)]
  writes[0]?.resolve(undefined)
  await turn()
  store.close()
  expect(await Promise.all(results)).toMatchObject([
    { status: 'rolled-back', error: { reason: 'closed', outcome: 'unknown' } },
    { status: 'rolled-back', error: { reason: 'closed', outcome: 'not-applied' } },
  ])
  expect([signals[0]?.aborted, store.getSnapshot('k').value]).toEqual([true, 1])
  reads[0]?.resolve(2)
  await turn()
  expect(store.getSnapshot('k').value).toBe(1)
  expect(await set(4)).toMatchObject({ error: { reason: 'closed', outcome: 'not-applied' } })
})

test('keys that nobody looks at are forgotten when there are too many', () => {
  const { store } = setup({ maxKeys: 2 })
  store.seed('a', 1)
  const end = store.subscribe('a', () => {})
  for (const key of ['b', 'c', 'd']) store.seed(key, 1)
  expect(['a', 'b', 'c', 'd'].map((key) => store.getSnapshot(key).value)).toEqual([
    1,
    undefined,
    undefined,
    1,
  ])
  end()
})

test('wrong options are refused, and a change that throws changes nothing', async () => {
  const read = (): Promise<number> => Promise.resolve(1)
  expect(() => optimistic({} as never)).toThrow(/read must be a function, got undefined/)
  expect(() => optimistic({ read, maxKeyz: 1 } as never)).toThrow(/unknown option maxKeyz/)
  expect(() => optimistic({ read, readAttempts: 0 })).toThrow(/readAttempts must be from 1, got 0/)
  const { store, write } = setup()
  store.seed('k', 1)
  expect(() => store.update('k', { change: 2, write } as never)).toThrow(
    /Cannot update k: change must be a function, got number/,
  )
  expect(() => store.update('k', { change: () => 2 } as never)).toThrow(/write must be a function/)
  const thrown = new Error('no')
  const change = (): number => {
    throw thrown
  }
  await expect(store.update('k', { change, write })).rejects.toBe(thrown)
  expect(store.getSnapshot('k')).toMatchObject({ value: 1, pending: 0 })
})

test('AnswerError says whether the write may have been done', () => {
  expect([new AnswerError(409).outcome, new AnswerError(500).outcome]).toEqual(['not-applied', 'unknown'])
})
