// The client as it is, over three replicas in the simulator. What the README promises is judged by @quorate/checker
// under crashes, cuts, loss, delay, pauses and wrong clocks; what it says does not hold is found. More seeds:
// QUORATE_SEEDS=100000. A failure prints the line that repeats it.
import {
  type Env,
  explore,
  type Fault,
  type FaultKind,
  group,
  historyOf,
  type NodeId,
  rpcOf,
  type Run,
  type Scenario,
  simulate,
} from '@quorate/chaos/sim'
import {
  checkLinearizable,
  type CheckResult,
  checkSessions,
  type Operation,
  register,
  type SessionGuarantee,
} from '@quorate/checker'
import { describe, expect, test } from 'vitest'
import {
  type Consistency,
  type Quorum,
  quorum,
  type QuorumOptions,
  type ReadResult,
  type TaggedRecord,
} from './index.ts'
import { compareTags } from './tags.ts'

const SEEDS = process.env['QUORATE_SEEDS']
const seeds = (usual: number): number => Number(SEEDS ?? usual)
const DEADLINE_MS = 150

type Call = { readonly do: 'read' } | { readonly do: 'write'; readonly value: number }
/** What was read, or is known to be written. */
type Seen = Pick<ReadResult<number>, 'value' | 'tag'>

/** A replica that acknowledges and shows what is on its disk. */
async function replica(env: Env): Promise<void> {
  const log = (await env.disk.read('log')) ?? ''
  let taken: TaggedRecord<number> | undefined
  const take = (record: TaggedRecord<number>): boolean => {
    if (taken !== undefined && taken.tag >= record.tag) return false
    taken = record
    return true
  }
  // A crash can tear a record in two, so each has a beginning and an end.
  for (const [, text = ''] of log.matchAll(/<([^<>]*)>/g)) take(JSON.parse(text))
  let synced = taken
  const rpc = rpcOf(env)
  rpc.serve('get', () => synced)
  rpc.serve('put', async (record: TaggedRecord<number>) => {
    if (take(record)) await env.disk.append('log', `<${JSON.stringify(record)}>`)
    const now = taken
    await env.disk.fsync('log')
    if (synced === undefined || (now !== undefined && now.tag > synced.tag)) synced = now
    return now?.tag === record.tag
  })
}

interface Setting {
  readonly consistency?: Consistency
  readonly options?: Partial<Pick<QuorumOptions<number>, 'w' | 'r' | 'readRepair'>>
  /** Default: all kinds. */
  readonly kinds?: readonly FaultKind[]
  /** Who crashes and has a bad clock. Default: the replicas crash, and all have bad clocks. */
  readonly on?: readonly NodeId[]
  /** Instead of drawn ones. */
  readonly faults?: readonly Fault[]
  readonly judge: (run: QuorumRun) => CheckResult
}

type QuorumRun = Run<Quorum<number>, Call, Seen>

function scenario(name: string, setting: Setting): Scenario<Quorum<number>, Call, Seen> {
  const { consistency, options, kinds, on, faults, judge } = setting
  const client = (env: Env): Quorum<number> => {
    const rpc = rpcOf(env)
    return quorum<number>({
      w: 2,
      r: 2,
      ...options,
      writer: `${env.id}.${env.restarts}`,
      deadlineMs: DEADLINE_MS,
      clock: env,
      random: env.random,
      replicas: env.nodes.map((id) => ({
        id,
        get: (_, { signal } = {}) => rpc.call(id, 'get', undefined, { signal, timeoutMs: DEADLINE_MS }),
        putIfNewer: (_, record, { signal } = {}) =>
          rpc.call(id, 'put', record, { signal, timeoutMs: DEADLINE_MS }),
      })),
    })
  }
  return {
    name,
    nodes: group('r', 3, replica),
    clients: group('c', 3, client),
    workload: ({ random, clients }) =>
      Array.from({ length: 12 }, (_, index) => ({
        on: clients[Math.floor(random() * clients.length)] ?? 'c1',
        afterMs: Math.floor(random() * 30),
        call: random() < 0.5 ? { do: 'read' } : { do: 'write', value: index + 1 },
      })),
    perform: async (own, call) => {
      if (call.do === 'read') return own.read('stock', { consistency })
      const { value } = call
      const { status, tag } = await own.write('stock', value, { consistency })
      if (status === 'ok') return { value, tag }
      // The same write again, by its tag: safe, says the README.
      const again = await own.write('stock', value, { consistency, tag })
      if (again.status === 'ok') return { value, tag }
      throw new Error('indeterminate')
    },
    check: (run) => {
      const { verdict, violations, reason } = judge(run)
      return verdict === 'ok' ? undefined : `${verdict}: ${violations[0]?.message ?? reason ?? ''}`
    },
    faults: faults === undefined ? { max: 6, withinMs: 250, forMs: [5, 120], kinds, on } : () => faults,
  }
}

/** As if there were one copy. */
const asOneCopy = (run: QuorumRun): CheckResult =>
  checkLinearizable(
    historyOf(run, ({ call, output }) =>
      call.do === 'write'
        ? { op: 'write', input: call.value }
        : { op: 'read', output: output?.value ?? null },
    ),
    register(),
  )

type TaggedOperation = Omit<Operation, 'index' | 'process'>

/** Reads, and writes that are known to have happened, with tags for values. */
function tagged({ history }: QuorumRun): ReadonlyArray<TaggedOperation & { readonly process: number }> {
  return history
    .filter(({ status }) => status === 'ok')
    .map(({ process, call, output, start, end }) => {
      const tag = output?.tag ?? null
      const what = call.do === 'write' ? { op: 'write', input: tag } : { op: 'read', output: tag }
      return { process, ...what, status: 'ok', start, end }
    })
}

/** The greater tag is the newer version; no tag at all is the oldest. */
function judgeSessions(
  operations: ReadonlyArray<Omit<Operation, 'index'>>,
  guarantees: readonly SessionGuarantee[],
): CheckResult {
  const indexed = operations.map((operation, index) => ({ ...operation, index }))
  return checkSessions(
    { operations: indexed, faults: [], realTime: true },
    {
      guarantees,
      versionOrder: (a, b) =>
        compareTags((a as string | null) ?? undefined, (b as string | null) ?? undefined),
    },
  )
}

const inSessions =
  (...guarantees: readonly SessionGuarantee[]) =>
  (run: QuorumRun): CheckResult =>
    judgeSessions(tagged(run), guarantees)

/** Whoever reads sees every write that had ended, or a newer one: each read is a session that wrote all of those. */
function inOneSession(run: QuorumRun): CheckResult {
  const all = tagged(run)
  let at = 0
  const sessions = all
    .filter(({ op }) => op === 'read')
    .flatMap((read, process) =>
      [...all.filter(({ op, end }) => op === 'write' && end < read.start), read].map((operation) => ({
        ...operation,
        process,
        start: at++,
        end: at++,
      })),
    )
  return judgeSessions(sessions, ['read-your-writes'])
}

const ALL_CRASH = ['r1', 'r2', 'r3', 'c1', 'c2', 'c3']
/** Nothing is lost or takes as long as the deadline, so that every repair comes about. */
const NO_LOSS: readonly FaultKind[] = ['duplicate', 'skew', 'drift']
/** Clocks are right. */
const TRUE_TIME: readonly FaultKind[] = ['cut', 'crash', 'loss', 'duplicate', 'delay', 'pause', 'slow-disk']

describe('holds', () => {
  const HOLDS: ReadonlyArray<[name: string, seeds: number, setting: Setting]> = [
    [
      "'linearizable' is as if there were one copy, whatever crashes, is cut off or has a wrong clock",
      2_000,
      { consistency: 'linearizable', on: ALL_CRASH, judge: asOneCopy },
    ],
    [
      'linearizable without read repair as well: it writes back by itself',
      500,
      { consistency: 'linearizable', options: { readRepair: 'off' }, judge: asOneCopy },
    ],
    ['W + R > N: a read returns every finished write or a newer one', 500, { judge: inOneSession }],
    [
      'W + R > N: a session reads its writes, which are in its order',
      500,
      { judge: inSessions('read-your-writes', 'monotonic-writes') },
    ],
    [
      'clocks less than 500 ms apart: what a session writes is newer than what it read',
      500,
      { kinds: [...TRUE_TIME, 'drift'], judge: inSessions('writes-follow-reads') },
    ],
    [
      '2 R > N: the second read is not older, if the repairs of the first came about',
      500,
      { kinds: NO_LOSS, judge: inSessions('monotonic-reads') },
    ],
    ['W = 3, R = 1 of 3 reads finished writes too', 500, { options: { w: 3, r: 1 }, judge: inOneSession }],
  ]
  test.each(HOLDS)('%s', async (_, usual, setting) => {
    const { operations, faults } = await simulate(scenario('quorum', setting), { seeds: seeds(usual) })
    expect(operations).toBe(seeds(usual) * 12)
    expect(faults).toBeGreaterThan(seeds(usual)) // a test without faults shows nothing
  })
})

const WHILE = { atMs: 0, forMs: 400 }
/** What c1 writes reaches r1 alone, and half of all messages are lost. */
const HALF_WRITTEN: readonly Fault[] = [
  { kind: 'cut', from: ['c1'], to: ['r2', 'r3'], bothWays: false, ...WHILE },
  { kind: 'loss', rate: 0.5, ...WHILE },
]

describe('does not hold, and is found', () => {
  const FOUND: ReadonlyArray<[name: string, seeds: number, setting: Setting]> = [
    [
      'last writer wins by clocks, one of which is slow: the later write is lost',
      1_000,
      { kinds: ['skew'], judge: asOneCopy },
    ],
    [
      'a clock more than 500 ms behind: what a session writes is older than what it has read',
      500,
      { kinds: ['skew'], judge: inSessions('writes-follow-reads') },
    ],
    [
      'QUORUM without write-back, with clocks that are right: a read before the write has ended is not final',
      2_000,
      { kinds: TRUE_TIME, options: { readRepair: 'off' }, judge: asOneCopy },
    ],
    [
      'W + R = N: a stale read of one’s own write',
      500,
      { options: { w: 1, r: 2 }, judge: inSessions('read-your-writes') },
    ],
    [
      'R = W = 1: a second read that is older',
      500,
      { options: { w: 1, r: 1 }, judge: inSessions('monotonic-reads') },
    ],
    [
      'QUORUM with a repair that got lost: a second read that is older',
      3_000,
      { faults: HALF_WRITTEN, judge: inSessions('monotonic-reads') },
    ],
  ]
  test.each(FOUND)('%s', async (_, most, setting) => {
    const { failure } = await explore(scenario('quorum', setting), {
      seeds: most,
      shrink: false,
    })
    expect(failure).toMatchObject({ kind: 'check', message: expect.stringMatching(/^violated: /) })
  })
})
