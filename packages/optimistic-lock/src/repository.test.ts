import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { RetryInTransactionError, RowGoneError, StaleVersionError, WriteUnknownError } from './errors.ts'
import type { OptimisticEvent } from './events.ts'
import { quoteIdentifier } from './names.ts'
import { createRepository } from './repository.ts'
import type { SqlSession } from './session.ts'
import type { Statement } from './statements.ts'
import type { OptimisticRepository, RepositoryOptions } from './types.ts'

interface StockTypes {
  readonly row: { id: number; available: number; version: number }
  readonly insert: { id: number; available: number }
  readonly changes: { available?: number }
  readonly key: 'id'
  readonly version: 'version'
  readonly counter: 'available'
  readonly transaction: never
}

/** A session whose answers the test gives: what waits, fails or conflicts is decided there. */
function repositoryWith(
  answer: (statement: Statement) => Promise<readonly unknown[]>,
  options: RepositoryOptions & { inTransaction?: boolean } = {},
): OptimisticRepository<StockTypes> {
  // Of this table the catalog knows nothing.
  const run = async (statement: Statement): Promise<{ rows: readonly unknown[] }> => ({
    rows: isAboutTable(statement) ? [] : await answer(statement),
  })
  const session: SqlSession = { run, inTransaction: () => options.inTransaction === true, isBound: false }
  return createRepository<StockTypes>({
    session,
    shape: { label: 'stock', table: '"stock"', key: ['id'], version: 'version', column: quoteIdentifier },
    bind: () => session,
    options,
  })
}

/** Is it what a repository asks before its first write? */
function isAboutTable({ text }: Statement): boolean {
  return text.includes('pg_catalog.pg_class')
}

/** Somebody else is faster each time: every read finds a newer version. */
function alwaysStale(options: RepositoryOptions = {}): OptimisticRepository<StockTypes> {
  let version = row.version
  return repositoryWith(
    async ({ text }) => (text.startsWith('SELECT') ? [{ ...row, version: version++ }] : []),
    options,
  )
}

const never = new Promise<never>(() => {})
const row = { id: 1, available: 5, version: 3 }

test('update() aborted after it was sent rejects with outcome unknown', async () => {
  const stop = new AbortController()
  const sent = Promise.withResolvers<void>()
  const repository = repositoryWith(() => {
    sent.resolve()
    return never
  })
  const update = repository.update(row, { available: 4 }, { signal: stop.signal })
  await sent.promise
  stop.abort(new Error('shutting down'))
  await expect(update).rejects.toMatchObject({
    code: 'QUORATE_WRITE_UNKNOWN',
    outcome: 'unknown',
    cause: stop.signal.reason,
  })
})

test('update() aborted before it was sent sends nothing', async () => {
  let sent = 0
  const repository = repositoryWith(async () => [sent++])
  const reason = new Error('shutting down')
  await expect(repository.update(row, {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  expect(sent).toBe(0)
})

test('get() aborted while waiting rejects with the reason', async () => {
  const stop = new AbortController()
  const read = repositoryWith(() => never).get({ id: 1 }, { signal: stop.signal })
  stop.abort(new Error('shutting down'))
  await expect(read).rejects.toBe(stop.signal.reason)
})

test('update() is stale, not unknown, when the later look at the version fails', async () => {
  const broken = new Error('connection lost')
  const repository = repositoryWith(async ({ text }) => {
    if (text.startsWith('UPDATE')) return []
    throw broken
  })
  await expect(repository.update(row, {})).rejects.toMatchObject({
    code: 'QUORATE_STALE_VERSION',
    outcome: 'not-applied',
    expected: 3,
    actual: undefined,
    cause: broken,
  })
})

test('a key or version without a value is an argument error', async () => {
  const repository = repositoryWith(async () => [row])
  const missing = {} as { id: number }
  await expect(repository.get(missing)).rejects.toThrow(TypeError)
  await expect(repository.update({ id: 1 } as typeof row, {})).rejects.toThrow(/must carry its version/)
  const changes = { version: 9 } as { available?: number }
  await expect(repository.update(row, changes)).rejects.toThrow(/must not contain version/)
})

test('mutate() repeats the whole closure on conflicts, and reports them', async () => {
  const events: OptimisticEvent[] = []
  let version = 3
  const repository = repositoryWith(
    async ({ text, values }) => {
      if (text.startsWith('SELECT')) return [{ ...row, version }]
      if (version < 5) {
        version++ // somebody else is faster, twice
        return []
      }
      return [{ ...row, available: values[0], version: version + 1 }]
    },
    { onEvent: (event) => events.push(event), random: () => 0 },
  )
  const seen: number[] = []
  const saved = await repository.mutate({ id: 1 }, ({ version: read }, { attempt }) => {
    seen.push(read)
    return { available: attempt }
  })
  expect(seen).toEqual([3, 4, 5])
  expect(saved).toEqual({ id: 1, available: 3, version: 6 })
  expect(events.map(({ type }) => type)).toEqual(['stale', 'retry', 'stale', 'retry'])
})

test('mutate() repeats on a serialization failure of Postgres', async () => {
  let updates = 0
  const repository = repositoryWith(
    async ({ text }) => {
      if (text.startsWith('SELECT')) return [row]
      if (updates++ === 0) throw Object.assign(new Error('could not serialize access'), { code: '40001' })
      return [row]
    },
    { random: () => 0 },
  )
  await expect(repository.mutate({ id: 1 }, () => ({}))).resolves.toEqual(row)
})

test('mutate() refuses inside a transaction', async () => {
  const repository = repositoryWith(async () => [row], { inTransaction: true })
  await expect(repository.mutate({ id: 1 }, () => ({}))).rejects.toThrow(RetryInTransactionError)
})

test('mutate() writes nothing when the closure changes nothing', async () => {
  const sent: string[] = []
  const repository = repositoryWith(async ({ text }) => {
    sent.push(text)
    return [row]
  })
  await expect(repository.mutate({ id: 1 }, () => undefined)).resolves.toEqual(row)
  expect(sent).toHaveLength(1)
})

test('mutate() passes on what the closure throws, and a missing row', async () => {
  const refusal = new Error('not yours')
  const refuse = (): never => {
    throw refusal
  }
  await expect(repositoryWith(async () => [row]).mutate({ id: 1 }, refuse)).rejects.toBe(refusal)
  await expect(repositoryWith(async () => []).mutate({ id: 1 }, refuse)).rejects.toThrow(RowGoneError)
})

test('mutate() does not start a wait that ends after its deadline; the last conflict is the cause', async () => {
  const repository = alwaysStale({ clock: new VirtualClock(), random: () => 0.5 })
  const options = { deadlineMs: 300, baseMs: 1_000 }
  const failure = await repository.mutate({ id: 1 }, () => ({}), options).catch((error) => error)
  expect(failure).toMatchObject({ code: 'QUORATE_RETRY_EXHAUSTED', outcome: 'not-applied', attempts: 1 })
  expect(failure.cause).toBeInstanceOf(StaleVersionError)
})

test('mutate() calls its closure at most maxAttempts times', async () => {
  const repository = alwaysStale({ random: () => 0 })
  const failure = repository.mutate({ id: 1 }, () => ({}), { maxAttempts: 3 })
  await expect(failure).rejects.toMatchObject({ code: 'QUORATE_RETRY_EXHAUSTED', attempts: 3 })
})

test('mutate() aborted during its read at the deadline says that nothing was written', async () => {
  const clock = new VirtualClock()
  const repository = repositoryWith(() => never, { clock })
  const failure = repository.mutate({ id: 1 }, () => ({}), { deadlineMs: 300 }).catch((error) => error)
  await clock.advance(300)
  expect(await failure).toMatchObject({ code: 'QUORATE_RETRY_EXHAUSTED', outcome: 'not-applied' })
})

test('mutate() aborted during its write says that the outcome is unknown', async () => {
  const stop = new AbortController()
  const repository = repositoryWith(async ({ text }) => {
    if (text.startsWith('SELECT')) return [row]
    stop.abort(new Error('shutting down'))
    return never
  })
  const failure = repository.mutate({ id: 1 }, () => ({}), { signal: stop.signal })
  await expect(failure).rejects.toThrow(WriteUnknownError)
})

test('mutate() hands its closure a frozen row, so that an edit in place cannot look like a write', async () => {
  const sent: string[] = []
  const stored = { ...row }
  const repository = repositoryWith(async ({ text }) => {
    sent.push(text)
    return [stored]
  })
  const edit = repository.mutate({ id: 1 }, (read) => {
    // @ts-expect-error -- the type says so too
    read.available -= 1
    return undefined
  })
  await expect(edit).rejects.toThrow(TypeError)
  // As code that is not in strict mode does it: the assignment is ignored.
  const unchanged = await repository.mutate({ id: 1 }, (read) => {
    Reflect.set(read, 'available', 0)
    return undefined
  })
  expect(unchanged).toEqual(row)
  expect(sent.every((text) => text.startsWith('SELECT'))).toBe(true)
  unchanged.available = 0 // what mutate() returns is the caller's own
})

test('mutate() refuses numbers given as strings', async () => {
  const repository = repositoryWith(async () => [row])
  const withOptions = (options: object): Promise<unknown> => repository.mutate({ id: 1 }, () => ({}), options)
  for (const name of ['deadlineMs', 'maxAttempts', 'baseMs', 'maxMs']) {
    await expect(withOptions({ [name]: '10' })).rejects.toThrow(TypeError)
    await expect(withOptions({ [name]: '10' })).rejects.toThrow(`${name} must be a number, got '10'`)
  }
})

test('a write that the database skipped is refused, after a second try, and mutate() does not go on', async () => {
  const events: OptimisticEvent[] = []
  let writes = 0
  const repository = repositoryWith(
    async ({ text }) => {
      if (text.startsWith('SELECT')) return [row]
      writes++
      return []
    },
    { onEvent: (event) => events.push(event) },
  )
  const refusal = { code: 'QUORATE_WRITE_REFUSED', outcome: 'not-applied', key: { id: 1 } }
  await expect(repository.update(row, {})).rejects.toMatchObject(refusal)
  expect(writes).toBe(2)
  await expect(repository.delete(row)).rejects.toMatchObject(refusal)
  await expect(repository.mutate({ id: 1 }, () => ({}))).rejects.toMatchObject(refusal)
  expect(writes).toBe(6)
  expect(events.map(({ type }) => type)).toEqual(['refused', 'refused', 'refused'])
})

test('a version that came as text is the same version', async () => {
  const repository = repositoryWith(async ({ text }) => (text.startsWith('SELECT') ? [row] : []))
  const asText = { id: 1, version: '3' as unknown as number }
  await expect(repository.update(asText, {})).rejects.toMatchObject({ code: 'QUORATE_WRITE_REFUSED' })
})

test('a row that was changed and changed back between the write and the look at it is written after all', async () => {
  let writes = 0
  const repository = repositoryWith(async ({ text }) =>
    text.startsWith('SELECT') || writes++ > 0 ? [row] : [],
  )
  expect(await repository.update(row, {})).toBe(row)
})

test('insert() tells a taken key from an insert that the database skipped', async () => {
  const taken = repositoryWith(async ({ text }) => (text.startsWith('SELECT') ? [row] : []))
  await expect(taken.insert({ id: 1, available: 1 })).rejects.toMatchObject({ code: 'QUORATE_ROW_EXISTS' })
  let writes = 0
  const skipped = repositoryWith(async ({ text }) => {
    if (!text.startsWith('SELECT')) writes++
    return []
  })
  await expect(skipped.insert({ id: 1, available: 1 })).rejects.toMatchObject({
    code: 'QUORATE_WRITE_REFUSED',
  })
  expect(writes).toBe(2)
})

test('a lost connection is unknown for a write, unless it was lost before or a transaction decides', async () => {
  const lost = new Error('Connection terminated unexpectedly')
  const unconnected = Object.assign(new Error('connect'), { code: 'ECONNREFUSED', syscall: 'connect' })
  const refused = Object.assign(new Error('check'), { code: '23514', severity: 'ERROR' })
  const calls = (error: Error, isBound = false): Promise<unknown>[] => {
    const run = async (statement: Statement): Promise<{ rows: readonly unknown[] }> => {
      if (isAboutTable(statement)) return { rows: [] }
      throw error
    }
    const session: SqlSession = { run, inTransaction: () => false, isBound }
    const repository = createRepository<StockTypes>({
      session,
      shape: { label: 'stock', table: '"stock"', key: ['id'], version: 'version', column: quoteIdentifier },
      bind: () => session,
      options: {},
    })
    return [
      repository.update(row, {}),
      repository.delete(row),
      repository.insert({ id: 1, available: 1 }),
      repository.decrementIf({ id: 1 }, { available: 1 }),
      repository.decrementAllIf([{ key: { id: 1 }, by: { available: 1 } }]),
    ]
  }
  for (const call of calls(lost)) {
    await expect(call).rejects.toMatchObject({
      code: 'QUORATE_WRITE_UNKNOWN',
      outcome: 'unknown',
      cause: lost,
    })
  }
  for (const error of [unconnected, refused]) {
    for (const call of calls(error)) await expect(call).rejects.toBe(error)
  }
  for (const call of calls(lost, true)) await expect(call).rejects.toBe(lost)
  // What is asked of the table before the first write is no write.
  const session: SqlSession = { run: () => Promise.reject(lost), inTransaction: () => false, isBound: false }
  const unasked = createRepository<StockTypes>({
    session,
    shape: { label: 'stock', table: '"stock"', key: ['id'], version: 'version', column: quoteIdentifier },
    bind: () => session,
    options: {},
  })
  await expect(unasked.update(row, {})).rejects.toBe(lost)
  await expect(repositoryWith(() => Promise.reject(lost)).get({ id: 1 })).rejects.toBe(lost)
})

test('mutate() does not repeat a write whose answer was lost', async () => {
  const lost = Object.assign(new Error('terminating connection'), { code: '57P01', severity: 'FATAL' })
  let writes = 0
  const repository = repositoryWith(async ({ text }) => {
    if (text.startsWith('SELECT')) return [row]
    writes++
    throw lost
  })
  await expect(repository.mutate({ id: 1 }, () => ({}))).rejects.toMatchObject({ outcome: 'unknown' })
  expect(writes).toBe(1)
})

test('a statement that Postgres rolls back for others is repeated for ten seconds, then its error is told as it is', async () => {
  const failure = Object.assign(new Error('could not serialize access'), { code: '40001', severity: 'ERROR' })
  const clock = new VirtualClock()
  let sent = 0
  const repository = repositoryWith(
    async () => {
      sent++
      throw failure
    },
    { clock, random: () => 0.999 },
  )
  const update = repository.update(row, {}).catch((error: unknown) => error)
  await clock.advance(10_000)
  expect(await update).toBe(failure)
  expect(sent).toBeGreaterThan(10)
  expect(sent).toBeLessThan(30)

  const before = sent
  const inside = repositoryWith(
    async () => {
      sent++
      throw failure
    },
    { clock, inTransaction: true },
  )
  await expect(inside.update(row, {})).rejects.toBe(failure)
  expect(sent).toBe(before + 1)
})

test('a signal between two attempts of a statement ends them with its reason: nothing was written', async () => {
  const stop = new AbortController()
  const failure = Object.assign(new Error('deadlock'), { code: '40P01', severity: 'ERROR' })
  const failed = Promise.withResolvers<undefined>()
  const clock = new VirtualClock(0, { onStuck: () => {} })
  const waiting: typeof clock.sleep = async (ms, options) => {
    failed.resolve(undefined)
    return clock.sleep(ms, options)
  }
  let sent = 0
  const repository = repositoryWith(
    async () => {
      sent++
      throw failure
    },
    {
      clock: { now: () => clock.now(), monotonic: () => clock.monotonic(), sleep: waiting },
      random: () => 0.5,
    },
  )
  const take = repository.decrementIf({ id: 1 }, { available: 1 }, { signal: stop.signal })
  await failed.promise
  stop.abort(new Error('shutting down'))
  await expect(take).rejects.toBe(stop.signal.reason)
  expect(sent).toBe(1)
})
