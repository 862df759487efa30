// The commit and its recovery as they are, over three databases in the simulator: every await of a coordinator, of two
// recoverers and of the databases is a point where a crash can fall. More seeds: QUORATE_SEEDS=10000. A failure prints
// the line that repeats it.
import {
  type Env,
  explore,
  type Rpc,
  rpcOf,
  type Run,
  type Scenario,
  scenario,
  simulate,
} from '@quorate/chaos/sim'
import { describe, expect, test } from 'vitest'
import { commit, type CommitPort, recover, VoteNo } from './drive.ts'
import type { Decision, Settlement } from './machine.ts'

const seeds = Number(process.env['QUORATE_SEEDS'] ?? 400)
const CALL_MS = 60

/** What somebody could get wrong. */
interface Bugs {
  /** A recoverer takes an empty register for an abort, and does not close it. */
  readonly looksOnly?: boolean
  /** The record is acknowledged before it is on the disk. */
  readonly ackBeforeFsync?: boolean
  /** A recoverer deletes the record of a coordinator that may still ask. */
  readonly forgetsForOthers?: boolean
  /** The record names only one of those that were prepared, so it is deleted when that one has acknowledged. */
  readonly recordOfSome?: boolean
}

interface Fact {
  readonly type: 'prepared' | 'finished'
  readonly id: string
  readonly decision?: Decision
}

/** A database: what was done in memory, what is prepared on the disk, and a table of decisions. */
async function database(env: Env, bugs: Bugs): Promise<void> {
  const prepared = new Set<string>()
  const finished = new Map<string, Decision>()
  const register = new Map<string, Decision>()
  let closedBelow = 0
  let epochs = 0
  const apply = (entry: string): void => {
    const [what, id = '', decision] = entry.split(' ')
    if (what === 'prepared') prepared.add(id)
    if (what === 'register') register.set(id, decision as Decision)
    if (what === 'forget') register.delete(id)
    if (what === 'closed') closedBelow = Math.max(closedBelow, Number(id))
    if (what === 'epoch') epochs = Math.max(epochs, Number(id))
    if (what === 'finished') {
      prepared.delete(id)
      finished.set(id, decision as Decision)
    }
    if (what === 'prepared' || what === 'finished') env.log(what, { type: what, id, decision })
  }
  // A crash can tear a record in two, so each has a beginning and an end. One of two entries is there whole, or not.
  for (const [, record = ''] of ((await env.disk.read('log')) ?? '').matchAll(/<([^<>]*)>/g)) {
    for (const entry of record.split(', ')) apply(entry)
  }

  let last: Promise<unknown> = Promise.resolve()
  /** One change at a time, seen by others when it is on the disk. */
  const change = <T>(
    decide: () => { readonly entries: readonly string[]; readonly answer: T },
    sync = true,
  ): Promise<T> => {
    const run = async (): Promise<T> => {
      const { entries, answer } = decide()
      if (entries.length > 0) await env.disk.append('log', `<${entries.join(', ')}>`)
      if (sync && entries.length > 0) await env.disk.fsync('log')
      for (const entry of entries) apply(entry)
      return answer
    }
    const turn = last.then(run)
    last = turn
    return turn
  }

  const working = new Set<string>()
  const rpc = rpcOf(env)
  rpc.serve('work', (id: string) => void working.add(id))
  rpc.serve('prepare', (id: string) =>
    change(() => {
      if (prepared.has(id)) return { entries: [], answer: 'yes' }
      if (!working.has(id)) return { entries: [], answer: 'no' }
      working.delete(id)
      return { entries: [`prepared ${id}`], answer: 'yes' }
    }),
  )
  // Does not end what is at work: a PREPARE that is under way can come after the ROLLBACK PREPARED that found nothing.
  rpc.serve('finish', ({ id, decision }: { id: string; decision: Decision }) =>
    change(() => ({ entries: prepared.has(id) ? [`finished ${id} ${decision}`] : [], answer: true })),
  )
  rpc.serve('list', () => [...prepared])
  rpc.serve('open', () => change(() => ({ entries: [`epoch ${epochs + 1}`], answer: epochs + 1 })))
  rpc.serve('close', (epoch: number) => change(() => ({ entries: [`closed ${epoch}`], answer: true })))
  const isClosed = (id: string): boolean => Number(id.split('.')[0]) <= closedBelow
  rpc.serve('register', (id: string) =>
    change(() => {
      const stands = register.get(id)
      if (stands !== undefined || isClosed(id)) return { entries: [], answer: stands ?? 'abort' }
      if (!working.has(id)) return { entries: [], answer: 'abort' } // the transaction that should carry it is gone
      working.delete(id)
      return { entries: [`register ${id} commit`, `finished ${id} commit`], answer: 'commit' }
    }, bugs.ackBeforeFsync !== true),
  )
  rpc.serve('settle', (id: string) =>
    change(() => {
      const stands = register.get(id)
      const closed = isClosed(id)
      const settlement = (decision: Decision | undefined): Settlement => ({
        decision,
        members: decision === 'abort' ? [] : bugs.recordOfSome === true ? ['b'] : ['b', 'c'],
        closed: closed || bugs.forgetsForOthers === true,
      })
      if (stands !== undefined || closed) return { entries: [], answer: settlement(stands) }
      return { entries: bugs.looksOnly === true ? [] : [`register ${id} abort`], answer: settlement('abort') }
    }),
  )
  rpc.serve('forget', (id: string) => change(() => ({ entries: [`forget ${id}`], answer: true })))
}

/** The databases as a transaction sees them. `a` keeps the decisions, in the transaction that makes its own change. */
function portOf(rpc: Rpc, id: string): CommitPort {
  const ask = <T>(to: string, method: string, input: unknown = id): Promise<T> =>
    rpc.call<T>(to, method, input, { timeoutMs: CALL_MS })
  return {
    prepare: async (member) => {
      if ((await ask(member, 'prepare')) === 'no') throw new VoteNo('nothing to prepare')
    },
    register: () => ask('a', 'register'),
    settle: () => ask('a', 'settle'),
    tell: (member, decision) => ask(member, 'finish', { id, decision }),
    forget: () => ask('a', 'forget'),
  }
}

/** Looks for what is prepared, and does not ask whether somebody is still at it. */
function recoverer(env: Env): void {
  const rpc = rpcOf(env)
  env.spawn(async () => {
    for (;;) {
      await env.sleep(20 + env.random() * 100)
      const found = new Map<string, string[]>()
      for (const member of ['b', 'c']) {
        const ids = await rpc
          .call<string[]>(member, 'list', undefined, { timeoutMs: CALL_MS })
          .catch((): string[] => [])
        for (const id of ids) found.set(id, [...(found.get(id) ?? []), member])
      }
      for (const [id, members] of found) {
        const epoch = Number(id.split('.')[0])
        if (env.random() < 0.1) await rpc.call('a', 'close', epoch, { timeoutMs: CALL_MS }).catch(() => {})
        await recover(members, portOf(rpc, id))
      }
    }
  }, 'recover')
}

interface Client {
  transfer(): Promise<{ readonly id: string; readonly decision: Decision | undefined }>
}

function client(env: Env): Client {
  const rpc = rpcOf(env)
  let epoch: number | undefined
  let count = 0
  return {
    async transfer() {
      epoch ??= await rpc.call<number>('a', 'open', undefined, { timeoutMs: CALL_MS })
      const id = `${epoch}.${++count}`
      for (const member of ['a', 'b', 'c']) await rpc.call(member, 'work', id, { timeoutMs: CALL_MS })
      const { decision } = await commit(['b', 'c'], portOf(rpc, id))
      env.log('answer', { id, decision })
      return { id, decision }
    },
  }
}

type Transfer = { readonly transfer: true }
type TransferRun = Run<Client, Transfer, { readonly id: string; readonly decision: Decision | undefined }>

function check({ logs }: TransferRun): string | undefined {
  const ends = new Map<string, Map<string, Decision>>()
  const prepared = new Set<string>()
  for (const { node, text, data } of logs) {
    const { id, decision } = data as Fact
    if (text === 'prepared') prepared.add(`${id} on ${node}`)
    if (text !== 'finished' || decision === undefined) continue
    prepared.delete(`${id} on ${node}`)
    const of = ends.get(id) ?? new Map<string, Decision>()
    if (of.has(node) && of.get(node) !== decision) return `${id} is both on ${node}`
    ends.set(id, of.set(node, decision))
  }
  for (const entry of prepared) return `${entry} stays prepared`
  for (const [id, of] of ends) {
    const committed = [...of].filter(([, decision]) => decision === 'commit').map(([node]) => node)
    if (committed.length !== 0 && committed.length !== 3)
      return `${id} is committed on ${committed.join(' and ')} only`
  }
  for (const { text, data } of logs) {
    if (text !== 'answer') continue
    const { id, decision } = data as Fact
    const isCommitted = ends.get(id)?.get('a') === 'commit'
    if (decision !== undefined && isCommitted !== (decision === 'commit'))
      return `${id}: the caller was told ${decision}`
  }
  return undefined
}

const transfers = (
  bugs: Bugs = {},
): Scenario<Client, Transfer, { readonly id: string; readonly decision: Decision | undefined }> =>
  scenario({
    name: 'two-phase-commit',
    nodes: {
      a: (env: Env) => database(env, bugs),
      b: (env: Env) => database(env, bugs),
      c: (env: Env) => database(env, bugs),
      r1: recoverer,
      r2: recoverer,
    },
    clients: { c1: client, c2: client },
    workload: ({ random }) =>
      Array.from({ length: 6 }, (_, index) => ({
        on: `c${1 + (index % 2)}`,
        afterMs: Math.floor(random() * 40),
        call: { transfer: true },
      })),
    perform: async (own) => {
      const end = await own.transfer()
      if (end.decision === undefined) throw new Error('in doubt')
      return end
    },
    check,
    faults: { max: 6, withinMs: 250, forMs: [5, 120] },
    settleMs: 1_500,
  })

test(
  `${seeds} seeds: all or nothing, nothing stays prepared, no caller is told what is not so`,
  { timeout: 600_000 },
  async () => {
    const { operations, faults } = await simulate(transfers(), { seeds })
    expect(operations).toBeGreaterThan(seeds * 4)
    expect(faults).toBeGreaterThan(seeds)
  },
)

describe('finds what could be done wrong', () => {
  test.each<[string, Bugs, RegExp]>([
    ['a recoverer that looks and does not close', { looksOnly: true }, /committed on .* only|told/],
    [
      'a record that is acknowledged before it is on the disk',
      { ackBeforeFsync: true },
      /committed on .* only|told/,
    ],
    ['a record deleted while its coordinator may ask', { forgetsForOthers: true }, /told/],
    [
      'a record that does not say of all that they were prepared',
      { recordOfSome: true },
      /committed on .* only/,
    ],
  ])('%s', { timeout: 120_000 }, async (_, bugs, message) => {
    const { failure } = await explore(transfers(bugs), { seeds: 10_000, shrink: { maxRuns: 300 } })
    expect(failure?.message).toMatch(message)
  })
})
