import { expect, test } from 'vitest'
import { parseHistory, serializeHistory } from './formats/index.ts'
import type { History } from './history.ts'
import { checkLinearizable, register } from './linearizability/index.ts'
import { createHistory, type RecordedHistory } from './recorder.ts'
import { checkSessions } from './sessions/check-sessions.ts'
import { growthOf, MOST_IF_LINEAR } from './testing/growth.ts'

test('record() keeps what the function returned, and returns it', async () => {
  const history = createHistory()
  const value = await history.record({ process: 1, op: 'read', key: 'sku-1' }, async () => 3)
  expect(value).toBe(3)
  expect(history.operations).toMatchObject([
    { index: 0, process: 1, op: 'read', key: 'sku-1', output: 3, status: 'ok', start: 0, end: 1 },
  ])
})

test('record() takes an error that says so for fail, every other one for unknown, and throws it on', async () => {
  const history = createHistory()
  const refused = Object.assign(new Error('version moved on'), { outcome: 'not-applied' })
  const write = { process: 1, op: 'write', input: 1 }
  await expect(history.record(write, () => Promise.reject(refused))).rejects.toBe(refused)
  const lost = new Error('connection reset')
  await expect(history.record(write, () => Promise.reject(lost))).rejects.toBe(lost)
  await expect(
    history.record(write, () => {
      throw 'a string, synchronously'
    }),
  ).rejects.toBe('a string, synchronously')
  expect(history.operations.map(({ status, end }) => [status, end])).toEqual([
    ['fail', 1],
    ['unknown', Infinity],
    ['unknown', Infinity],
  ])
})

test('a classify that throws leaves the operation unknown, and the process free to go on', async () => {
  const history = createHistory({
    classify: () => {
      throw new RangeError('classify is broken')
    },
  })
  const lost = history.record({ process: 1, op: 'write', input: 1 }, () => Promise.reject(new Error('lost')))
  await expect(lost).rejects.toThrow('classify is broken')
  await history.record({ process: 1, op: 'read' }, () => 1)
  expect(history.operations.map(({ status }) => status)).toEqual(['unknown', 'ok'])
})

test('record() asks classify first, and falls back to the error where it does not know', async () => {
  const history = createHistory({
    classify: (error) => ((error as { code?: string }).code === '40001' ? 'fail' : undefined),
  })
  const run = async (error: Error): Promise<void> => {
    const failing = async (): Promise<never> => {
      throw error
    }
    await expect(history.record({ process: 1, op: 'txn' }, failing)).rejects.toBe(error)
  }
  await run(Object.assign(new Error('could not serialize'), { code: '40001' }))
  await run(Object.assign(new Error('deadline'), { code: '57014' }))
  await run(Object.assign(new Error('refused'), { outcome: 'not-applied' }))
  expect(history.operations.map(({ status }) => status)).toEqual(['fail', 'unknown', 'fail'])
})

test('start() refuses a second operation of a busy process, without leaving a trace', async () => {
  const history = createHistory()
  const call = history.start({ process: 'alice', op: 'write', input: 1 })
  expect(() => history.start({ process: 'alice', op: 'read' })).toThrow(
    new TypeError(
      'Process alice cannot start read: its write (#0) is still open, and a process does one thing at a time; give each concurrent client its own name',
    ),
  )
  let ran = false
  await expect(history.record({ process: 'alice', op: 'read' }, () => (ran = true))).rejects.toThrow(
    TypeError,
  )
  expect(ran).toBe(false)
  call.ok()
  expect(history.operations).toHaveLength(1)
  history.start({ process: 'alice', op: 'read' }).ok(1)
  expect(history.operations).toHaveLength(2)
})

test('a process may go on after an unknown operation, which is then before nothing', () => {
  const history = createHistory()
  history.start({ process: 1, op: 'write', input: 1 }).unknown()
  history.start({ process: 1, op: 'read' }).ok(0)
  const [lost, read] = history.operations
  expect(lost).toMatchObject({ status: 'unknown', end: Infinity })
  expect(lost?.endMs).toBeTypeOf('number')
  expect(lost?.end).toBeGreaterThan(read?.start ?? Infinity)
})

test('what a process does after an unknown operation is still of its session, and owes that operation nothing', () => {
  const begun = (): RecordedHistory => {
    const history = createHistory({ initial: 0 })
    history.start({ process: 'alice', op: 'write', input: 1 }).ok()
    history.start({ process: 'alice', op: 'write', input: 2 }).unknown()
    return history
  }
  const verdicts = (seen: number): string[] => {
    const history = begun()
    history.start({ process: 'alice', op: 'read' }).ok(seen)
    const sessions = checkSessions(history, { guarantees: ['read-your-writes'], versionOrder: 'real-time' })
    return [checkLinearizable(history, register()).verdict, sessions.verdict]
  }
  expect(verdicts(1)).toEqual(['ok', 'ok']) // it did not take effect, or not yet
  expect(verdicts(2)).toEqual(['ok', 'ok']) // it did
  expect(verdicts(0)).toEqual(['violated', 'violated']) // the write before it was acknowledged
})

test('a call can be answered once', () => {
  const history = createHistory()
  const call = history.start({ process: 1, op: 'write', input: 1 })
  call.unknown()
  expect(() => call.ok()).toThrow('Operation #0 (write) has been answered already')
  const next = history.start({ process: 1, op: 'write', input: 2 })
  expect(() => call.fail()).toThrow(TypeError) // another call of the same process is open: not this one
  next.ok()
})

test('a history can be looked at while it is recorded: what is open is unknown', () => {
  const history: History = (() => {
    const recorded = createHistory({ name: 'run 7', initial: 0 })
    recorded.start({ process: 1, op: 'write', input: 1 })
    return recorded
  })()
  expect(history).toMatchObject({ name: 'run 7', initial: 0, realTime: true })
  expect(history.operations).toMatchObject([{ status: 'unknown', end: Infinity }])
})

test('places are counted, so that equal times make no false order; times are for drawing', () => {
  let now = 1000
  const history = createHistory({ clock: { monotonic: () => now } })
  const a = history.start({ process: 1, op: 'write', input: 1 })
  const b = history.start({ process: 2, op: 'read' })
  a.ok()
  now = 1007
  b.ok(1)
  expect(history.operations).toMatchObject([
    { start: 0, end: 2, startMs: 0, endMs: 0 },
    { start: 1, end: 3, startMs: 0, endMs: 7 },
  ])
})

test('fault() takes places on the same line, ends once, and by `using`', () => {
  const history = createHistory({ clock: { monotonic: () => 5 } })
  const fault = history.fault({ name: 'partition', targets: ['us', 'eu'], detail: 'drop' })
  history.start({ process: 1, op: 'read' }).ok(0)
  fault.end()
  fault.end()
  {
    using pause = history.fault({ name: 'pause', targets: ['us'] })
    expect(pause).toBeDefined()
  }
  history.fault({ name: 'kill', targets: ['eu'] })
  expect(history.faults).toMatchObject([
    { name: 'partition', targets: ['us', 'eu'], detail: 'drop', start: 0, end: 3, startMs: 0, endMs: 0 },
    { name: 'pause', start: 4, end: 5 },
    { name: 'kill', start: 6, end: Infinity },
  ])
})

test('JSON.stringify() of a recording is what parseHistory() reads', () => {
  const history = createHistory({ name: 'run', initial: null })
  const fault = history.fault({ name: 'partition', targets: ['us'] })
  history.start({ process: 'a', op: 'cas', key: 'k', input: [1, 2] }).ok(false)
  history.start({ process: 'a', op: 'write', key: 'k', input: { deep: [1] } }).unknown()
  fault.end()
  const read = parseHistory(JSON.stringify(history))
  const { operations, faults, ...facts } = read
  expect(facts).toEqual({ name: 'run', initial: null, realTime: true })
  expect(faults).toEqual(history.faults)
  expect(operations.map((operation) => ({ ...operation, line: undefined }))).toEqual(history.operations)
  expect(serializeHistory(read)).toBe(serializeHistory(history))
})

test('start() wants a process and a name', () => {
  const history = createHistory()
  expect(() => history.start({ process: undefined as never, op: 'read' })).toThrow(TypeError)
  expect(() => history.start({ process: 1, op: '' })).toThrow(TypeError)
})

test('an operation costs the same, however many there are', () => {
  const work = (n: number): void => {
    const history = createHistory()
    for (let i = 0; i < n; i++) history.start({ process: i % 10, op: 'write', input: i }).ok(i)
    expect(history.operations).toHaveLength(n)
  }
  expect(growthOf(2_500, (n) => n, work)).toBeLessThan(MOST_IF_LINEAR)
})
