// Causal delivery and guarded hybrid clocks as a replicated log: three replicas post, ask each other for what they
// lack, crash, are cut off and have wrong clocks. More seeds: QUORATE_SEEDS=100000. A failure prints the line that
// repeats it.
import {
  type Env,
  explore,
  type FaultKind,
  group,
  type NodeId,
  type Run,
  type Scenario,
  simulate,
} from '@quorate/chaos/sim'
import { describe, expect, test } from 'vitest'
import { CausalBuffer, type CausalMessage, DeliveryBufferFullError } from './delivery/index.ts'
import { reserveStamps, StampsNotReservedError } from './hlc/index.ts'
import {
  compareHlc,
  hlcFromString,
  type HlcTimestamp,
  hlcToString,
  HybridLogicalClock,
  VersionVector,
} from './index.ts'

const seeds = (usual: number): number => Number(process.env['QUORATE_SEEDS'] ?? usual)
const POSTS = 12
const AHEAD_MS = 20

/** A post as it travels and as it is stored. */
interface Post {
  readonly node: NodeId
  readonly counter: number
  readonly deps: Readonly<Record<string, number>>
  readonly at: string
  readonly text: string
}
type Held = CausalMessage & { readonly post: Post }
type Wire = { readonly ask: Readonly<Record<string, number>> } | { readonly post: Post }

interface Setting {
  /** `buffer`: in causal order. `arrival`: each as it comes. */
  readonly deliver?: 'buffer' | 'arrival'
  /** Does a restart begin above the stored bound? */
  readonly guarded?: boolean
  readonly kinds?: readonly FaultKind[]
}
interface Replica {
  post(text: string): Promise<void>
}
type LogRun = Run<Replica, string, void>

const dotOf = ({ node, counter }: { node: string; counter: number }): string => `${node}:${counter}`
const records = (text: string): string[] =>
  Array.from(text.matchAll(/<([^<>]*)>/g), ([, record]) => record as string)

/** A replica that keeps what it delivered, in that order, and its clock's bound on its disk. */
const replica =
  ({ deliver = 'buffer', guarded = true }: Setting) =>
  async (env: Env): Promise<Replica> => {
    const { disk } = env
    const now = (): number => env.now()
    // A crash can tear a record in two, so each has a beginning and an end.
    const log = records((await disk.read('log')) ?? '').map((record) => JSON.parse(record) as Post)
    const bounds = records((await disk.read('bound')) ?? '')
    const reservation = reserveStamps({
      storedMs: guarded ? Number(bounds.at(-1) ?? 0) : 0,
      aheadMs: AHEAD_MS,
      now,
      store: async (untilMs) => {
        await disk.append('bound', `<${untilMs}>`)
        await disk.fsync('bound')
      },
    })
    const clock = new HybridLogicalClock({ node: env.id, now, maxDriftMs: Infinity, reservation })
    const delivered = log.reduce((all, { node }) => all.increment(node), VersionVector.empty)
    const buffer = new CausalBuffer<Held>({ delivered, maxPending: 3 })
    const known = new Set(log.map(dotOf))
    let synced = log.length
    env.log('start', { delivered: delivered.toJSON() })

    /** A stamp is never made twice, so at times it has to wait for the disk. */
    const stamped = async (make: () => HlcTimestamp): Promise<HlcTimestamp> => {
      for (;;) {
        try {
          return make()
        } catch (error) {
          if (!(error instanceof StampsNotReservedError)) throw error
          await reservation.ready()
        }
      }
    }
    let last: Promise<unknown> = Promise.resolve()
    /** One after the other: nobody may post between a delivery and its arrival in the clock. */
    const inTurn = (task: () => Promise<void>): Promise<void> => {
      const turn = last.then(task)
      last = turn
      return turn
    }
    const keep = async (out: readonly Post[]): Promise<void> => {
      for (const post of out) {
        known.add(dotOf(post))
        if (post.node !== env.id) await stamped(() => clock.receive(hlcFromString(post.at)))
        log.push(post)
        await disk.append('log', `<${JSON.stringify(post)}>`)
      }
      const upTo = log.length
      await disk.fsync('log')
      synced = Math.max(synced, upTo)
      for (const post of out) env.log('deliver', post)
    }
    const take = async (post: Post): Promise<void> => {
      if (deliver === 'arrival') return known.has(dotOf(post)) ? undefined : keep([post])
      try {
        const out = buffer.add({ ...post, deps: VersionVector.of(post.deps), post })
        await keep(out.map((held) => held.post))
      } catch (error) {
        if (!(error instanceof DeliveryBufferFullError)) throw error // it comes again, with the next answer
      }
    }
    const others = env.clients.filter((id) => id !== env.id)
    env.onMessage<Wire>((message, from) => {
      if ('post' in message) return inTurn(() => take(message.post))
      const has = VersionVector.of(message.ask)
      for (const post of log.slice(0, synced)) if (!has.includes(post)) env.send(from, { post })
      return undefined
    })
    env.spawn(async () => {
      for (;;) {
        await env.sleep(25)
        const peer = others[Math.floor(env.random() * others.length)] as NodeId
        const ask = deliver === 'arrival' ? {} : buffer.delivered.toJSON()
        env.send(peer, { ask })
      }
    })
    return {
      post: (text) =>
        inTurn(async () => {
          const at = await stamped(() => clock.now())
          env.log('stamp', hlcToString(at))
          const { node, counter, deps } =
            deliver === 'arrival' ? stampByHand(env.id, log) : buffer.stamp(env.id)
          const post: Post = { node, counter, deps: deps.toJSON(), at: hlcToString(at), text }
          if (deliver === 'buffer') buffer.add({ node, counter, deps, post })
          await keep([post]) // on the disk before anybody hears of it, or its number could be given twice
          for (const peer of others) env.send(peer, { post })
        }),
    }
  }

function stampByHand(node: NodeId, log: readonly Post[]): CausalMessage {
  const deps = VersionVector.of(
    log.reduce<Record<string, number>>(
      (all, post) => ({ ...all, [post.node]: Math.max(post.counter, all[post.node] ?? 0) }),
      {},
    ),
  )
  return { node, counter: deps.get(node) + 1, deps }
}

function scenario(name: string, setting: Setting): Scenario<Replica, string, void> {
  return {
    name,
    clients: group('r', 3, replica(setting)),
    workload: ({ random, clients }) =>
      Array.from({ length: POSTS }, (_, index) => ({
        on: clients[Math.floor(random() * clients.length)] ?? 'r1',
        afterMs: Math.floor(random() * 40),
        call: `post ${index}`,
      })),
    perform: (own, text) => own.post(text),
    check: judge,
    faults: { max: 6, withinMs: 300, forMs: [5, 120], kinds: setting.kinds, on: ['r1', 'r2', 'r3'] },
    settleMs: 300,
  }
}

/** What is wrong with a run, from what its replicas noted. */
function judge(run: LogRun): string | undefined {
  const state = new Map<NodeId, VersionVector>()
  const lastStamp = new Map<NodeId, HlcTimestamp>()
  const posts = new Map<string, Post>()
  for (const { node: id, text, data } of run.logs) {
    if (text === 'start')
      state.set(id, VersionVector.of((data as { delivered: Record<string, number> }).delivered))
    if (text === 'stamp') {
      const at = hlcFromString(data as string)
      const before = lastStamp.get(id)
      if (before !== undefined && compareHlc(at, before) <= 0)
        return `${id} made ${data as string} after ${hlcToString(before)}`
      lastStamp.set(id, at)
    }
    if (text !== 'deliver') continue
    const post = data as Post
    const has = state.get(id) ?? VersionVector.empty
    if (has.get(post.node) !== post.counter - 1)
      return `${id} delivered ${dotOf(post)} after ${has.get(post.node)}`
    if (!has.dominates(VersionVector.of(post.deps)))
      return `${id} delivered ${dotOf(post)} before what it answers`
    state.set(id, has.increment(post.node))
    const same = posts.get(dotOf(post))
    if (same !== undefined && same.text !== post.text)
      return `${dotOf(post)} is "${same.text}" and "${post.text}"`
    posts.set(dotOf(post), post)
  }
  for (const post of posts.values()) {
    for (const other of posts.values()) {
      if (VersionVector.of(post.deps).includes(other) && other.at >= post.at)
        return `${post.at} knew of ${other.at}`
    }
  }
  const [first, ...rest] = [...state.values()]
  if (first === undefined || rest.some((one) => one.compare(first) !== 'equal')) {
    return `they differ: ${JSON.stringify([...state])}`
  }
  const texts = new Set([...posts.values()].filter((post) => first.includes(post)).map(({ text }) => text))
  for (const { call, status } of run.history) {
    if (status === 'ok' && !texts.has(call)) return `"${call}" was acknowledged, and is gone`
  }
  return undefined
}

describe('holds', () => {
  test('three replicas deliver every acknowledged post once, in causal order, with stamps in that order', async () => {
    const { operations, faults } = await simulate(scenario('causal-log', {}), { seeds: seeds(2_000) })
    expect(operations).toBe(seeds(2_000) * POSTS)
    expect(faults).toBeGreaterThan(seeds(2_000)) // a test without faults shows nothing
  })
})

describe('does not hold, and is found', () => {
  const FOUND: ReadonlyArray<[name: string, setting: Setting, message: RegExp]> = [
    [
      'posts shown as they arrive: an answer before its question',
      { deliver: 'arrival' },
      /before what it answers| after /,
    ],
    [
      'a clock that restarts without its bound: a stamp made again',
      { guarded: false, kinds: ['crash', 'skew'] },
      /made .* after|knew of/,
    ],
  ]
  test.each(FOUND)('%s', async (_, setting, message) => {
    const { failure } = await explore(scenario('causal-log', setting), { seeds: 2_000, shrink: false })
    expect(failure).toMatchObject({ kind: 'check', message: expect.stringMatching(message) })
  })
})
