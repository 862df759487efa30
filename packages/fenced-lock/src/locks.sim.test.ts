// The locks as they are, in the simulator: their store on a node with a clock of its own, their holders on others, the
// row they guard on a third. Judged by @quorate/checker. More seeds: QUORATE_SEEDS=100000. A failure prints the line
// that repeats it.
import {
  type Env,
  explore,
  type FaultKind,
  group,
  type NodeId,
  type Rpc,
  rpcOf,
  type Run,
  type Scenario,
  simulate,
} from '@quorate/chaos/sim'
import { type CheckResult, createHistory, type RecordedCall } from '@quorate/checker'
import { describe, expect, test } from 'vitest'
import { createLocks, type Locks, type LockStore } from './index.ts'
import { judgeExclusion, judgeTokens, judgeWrites } from './judge.test-helper.ts'
import { memoryLockStore } from './memory/index.ts'

const seeds = (usual: number): number => Number(process.env['QUORATE_SEEDS'] ?? usual)
const KEY = 'payout'
const TTL_MS = 60
const CALL_MS = 50

/** `apart`: looks at the token first and writes later. */
type Guard = 'kept' | 'apart' | 'none'

interface Setting {
  readonly guard?: Guard
  /** Default: half of the TTL, for clocks that run up to 30 % too fast or too slow. */
  readonly marginMs?: number
  readonly kinds?: readonly FaultKind[]
  /** Who is paused, crashes or has a bad clock. Default: everyone. */
  readonly on?: readonly NodeId[]
  readonly judge: (run: HolderRun) => CheckResult
}

/** Does the holder look at the lock before each write? */
interface Call {
  readonly careful: boolean
}

interface Holder {
  readonly env: Env
  readonly locks: Locks
  readonly rpc: Rpc
  /** Names one hold after the other; one that crashed is over, whatever comes after. */
  hold: string
  holds: number
}

type HolderRun = Run<Holder, Call, void>

function storeNode(env: Env): void {
  const store = memoryLockStore({ clock: env })
  const rpc = rpcOf(env)
  rpc.serve('tryAcquire', store.tryAcquire.bind(store))
  rpc.serve('extend', ([holding, ttlMs]: Parameters<LockStore['extend']>) => store.extend(holding, ttlMs))
  rpc.serve('release', store.release.bind(store))
}

/** A row with the token it was written with, on a disk. */
const rowNode =
  (guard: Guard) =>
  async (env: Env): Promise<void> => {
    const log = (await env.disk.read('log')) ?? ''
    let highest = 0
    let value: string | null = null
    // A crash can tear a record in two, so each has a beginning and an end.
    for (const [, token, text = ''] of log.matchAll(/<(\d+) ([^<>]*)>/g)) {
      highest = Math.max(highest, Number(token))
      value = text
    }
    let written = value
    const rpc = rpcOf(env)
    rpc.serve('read', () => value)
    rpc.serve('write', async ([token, text]: [number, string]) => {
      if (guard !== 'none' && token < highest) return false
      if (guard === 'apart') await env.sleep(5)
      highest = Math.max(highest, token)
      written = text
      await env.disk.append('log', `<${token} ${text}>`)
      await env.disk.fsync('log')
      // eslint-disable-next-line require-atomic-updates -- what is synced by now, which may be newer
      value = written
      return true
    })
  }

function holderNode(env: Env): Holder {
  const rpc = rpcOf(env)
  const options = { timeoutMs: CALL_MS }
  const store: LockStore = {
    tryAcquire: (request) => rpc.call('store', 'tryAcquire', request, options),
    extend: (holding, ttlMs) => rpc.call('store', 'extend', [holding, ttlMs], options),
    release: (holding) => rpc.call('store', 'release', holding, options),
  }
  const locks = createLocks({
    store,
    clock: env,
    random: env.random,
    onEvent: (event) => {
      if (event.type === 'acquired') note(holder, 'granted', { output: event.token })
    },
  })
  const holder: Holder = { env, locks, rpc, hold: '', holds: 0 }
  return holder
}

/** What the histories are made from. */
interface Note {
  readonly hold: string
  readonly input?: unknown
  readonly output?: unknown
}

function note({ env, hold }: Holder, text: string, data: Omit<Note, 'hold'> = {}): void {
  env.log(text, { hold, ...data })
}

/** Takes the lock, works for a while, at times for longer than the lease, and gives it back. */
async function takeTurn(holder: Holder, { careful }: Call, marginMs: number): Promise<void> {
  const { env, locks, rpc } = holder
  holder.hold = `${env.id}.${env.restarts}.${holder.holds++}`
  const ask = async <T>(op: string, input?: unknown): Promise<T | undefined> => {
    note(holder, op, { input })
    const output = await rpc.call<T>('row', op, input, { timeoutMs: CALL_MS }).catch(() => undefined)
    note(holder, `${op} done`, { output })
    return output
  }
  note(holder, 'acquire')
  const options = { ttlMs: TTL_MS, waitMs: 100, marginMs, autoExtend: env.random() < 0.3 }
  const lock = await locks.acquire(KEY, options).catch(() => undefined)
  if (lock === undefined) return
  let token = 0
  for (let step = 0; step < 3; step++) {
    if (careful || step === 0) {
      if (lock.signal.aborted) break
      token = lock.token // would throw if it were lost
      note(holder, 'look', { input: token })
    }
    await env.sleep(env.random() * 40)
    await ask<boolean>('write', [token, `${holder.hold}.${step}`])
    await ask<string | null>('read')
  }
  await lock.release().catch(() => false)
  note(holder, 'leave')
}

function scenario(setting: Setting): Scenario<Holder, Call, void> {
  const { guard = 'kept', marginMs = TTL_MS / 2, kinds, on, judge } = setting
  const everyone = ['store', 'row', 'c1', 'c2', 'c3']
  return {
    name: 'locks',
    nodes: { store: storeNode, row: rowNode(guard) },
    clients: group('c', 3, holderNode),
    workload: ({ random, clients }) =>
      Array.from({ length: 8 }, () => ({
        on: clients[Math.floor(random() * clients.length)] ?? 'c1',
        afterMs: Math.floor(random() * 30),
        call: { careful: random() < 0.5 },
      })),
    perform: (holder, call) => takeTurn(holder, call, marginMs),
    check: (run) => {
      const { verdict, violations, reason } = judge(run)
      return verdict === 'ok' ? undefined : `${verdict}: ${violations[0]?.message ?? reason ?? ''}`
    },
    faults: { max: 6, withinMs: 400, forMs: [20, 200], kinds, on: on ?? everyone },
  }
}

const notesOf = ({ logs }: HolderRun): ReadonlyArray<readonly [text: string, note: Note]> =>
  logs.map(({ text, data }) => [text, data as Note])

/** Grants with their tokens. */
function tokens(run: HolderRun): CheckResult {
  const history = createHistory()
  const calls = new Map<string, RecordedCall>()
  for (const [text, { hold: process, output }] of notesOf(run)) {
    if (text === 'acquire') calls.set(process, history.start({ process, op: 'acquire' }))
    if (text === 'granted') calls.get(process)?.ok(output)
  }
  return judgeTokens(history)
}

/** Who believes to have the lock: from the grant until the last look that said so. */
function beliefs(run: HolderRun): CheckResult {
  const history = createHistory()
  const calls = new Map<string, RecordedCall>()
  const notes = notesOf(run)
  const lastLook = new Map<string, number>()
  notes.forEach(([text, { hold }], at) => {
    if (text === 'look') lastLook.set(hold, at)
  })
  notes.forEach(([text, { hold: process, input, output }], at) => {
    if (text === 'acquire') calls.set(process, history.start({ process, op: 'acquire' }))
    if (text === 'granted' && lastLook.has(process)) calls.get(process)?.ok(output)
    if (at === lastLook.get(process)) calls.set(process, history.start({ process, op: 'release', input }))
    if (text === 'leave' && lastLook.has(process)) calls.get(process)?.ok()
  })
  return judgeExclusion(history)
}

/** What became of the row. */
function writes(run: HolderRun): CheckResult {
  const history = createHistory()
  const calls = new Map<string, RecordedCall>()
  for (const [text, { hold: process, input, output }] of notesOf(run)) {
    if (text === 'write' || text === 'read') calls.set(process, history.start({ process, op: text, input }))
    if (!text.endsWith(' done')) continue
    if (output === undefined) calls.get(process)?.unknown()
    else if (output === false) calls.get(process)?.fail()
    else calls.get(process)?.ok(output)
  }
  return judgeWrites(history)
}

/** All but crashes: what is kept in memory stays. */
const NO_CRASH: readonly FaultKind[] = ['cut', 'pause', 'loss', 'duplicate', 'delay', 'skew', 'drift']
/** All but wrong clocks. */
const TRUE_TIME: readonly FaultKind[] = ['cut', 'crash', 'pause', 'loss', 'duplicate', 'delay', 'slow-disk']

describe('holds', () => {
  const HOLDS: ReadonlyArray<[name: string, seeds: number, setting: Setting]> = [
    [
      'guarded writes keep the order of the tokens, whatever crashes, pauses or has a wrong clock',
      1_000,
      { judge: writes },
    ],
    ['a later grant has the higher token, whatever the clocks say', 500, { kinds: NO_CRASH, judge: tokens }],
    [
      'a later grant has the higher token, also when the store has lost its data',
      500,
      { kinds: TRUE_TIME, judge: tokens },
    ],
    [
      'nobody is granted the lock while another still believes to have it, within the margin',
      1_000,
      { kinds: NO_CRASH, judge: beliefs },
    ],
  ]
  test.each(HOLDS)('%s', async (_, usual, setting) => {
    const { operations, faults } = await simulate(scenario(setting), { seeds: seeds(usual) })
    expect(operations).toBe(seeds(usual) * 8)
    expect(faults).toBeGreaterThan(seeds(usual)) // a test without faults shows nothing
  })
})

describe('does not hold, and is found', () => {
  const FOUND: ReadonlyArray<[name: string, setting: Setting]> = [
    ['without a guard: a late holder overwrites a later one', { guard: 'none', judge: writes }],
    ['a guard that looks at the token first and writes later', { guard: 'apart', judge: writes }],
    [
      'a store that loses its data while its clock goes back: a lower token',
      { kinds: ['crash', 'skew'], on: ['store'], judge: tokens },
    ],
    [
      'a store that loses its data: two at once believe to have the lock',
      { kinds: ['crash'], on: ['store'], marginMs: 1, judge: beliefs },
    ],
    [
      'clocks that differ by more than the margin: two at once',
      { kinds: ['drift'], marginMs: 1, judge: beliefs },
    ],
  ]
  test.each(FOUND)('%s', async (_, setting) => {
    const { failure } = await explore(scenario(setting), {
      seeds: 2_000,
      shrink: false,
    })
    expect(failure).toMatchObject({ kind: 'check', message: expect.stringMatching(/^violated: /) })
  })
})
