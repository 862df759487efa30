// Version vectors, dotted version vector sets, causal buffers and hybrid logical clocks, against what npm has.
import { HybridLogicalClock, VersionVector } from '@quorate/vector-clock'
import { CausalBuffer, type CausalMessage } from '@quorate/vector-clock/delivery'
import { DvvSet } from '@quorate/vector-clock/dvv'
import { vectorFromHeader, vectorToHeader } from '@quorate/vector-clock/http'
import {
  compare as compareRecords,
  increment as incrementRecord,
  merge as mergeRecords,
} from '@quorate/vector-clock/records'
import { bench, type Case, type Group, type Sample } from '../harness/index.ts'
import { cpuTimed } from './cpu.ts'
import {
  type Clocks,
  ConsentoHlc,
  pvclock,
  ScanningBuffer,
  thing,
  timedClock,
  vectorclock,
} from './rivals.ts'
import { sizeOf } from './sizes.ts'

const METRIC = 'per call'
const ROUND_MS = 60
const ns = { [METRIC]: 'ns' }
const op = (name: string, run: (index: number) => unknown): Case => ({
  name,
  round: cpuTimed(METRIC, run, ROUND_MS),
})
const at = <T>(list: readonly T[], index: number): T => list[index & 63] as T

/**
 * 64 pairs of vectors over one set of ids. A quarter is equal, a quarter before, a quarter after, a quarter
 * concurrent: 'concurrent' alone would let everyone stop early.
 */
function pairsOf(nodes: number): ReadonlyArray<readonly [Clocks, Clocks]> {
  const ids = Array.from({ length: nodes }, (_, index) => `server-${index}`)
  return Array.from({ length: 64 }, (_, pair) => {
    const a = Object.fromEntries(ids.map((id, index) => [id, 100 + ((pair * 7 + index * 13) % 50)]))
    const b = { ...a }
    const [last, before] = [`server-${nodes - 1}`, `server-${nodes - 2}`]
    if (pair % 4 === 1 || pair % 4 === 3) b[last] = (b[last] ?? 0) + 1
    if (pair % 4 === 2 || pair % 4 === 3) b[before] = (b[before] ?? 0) - 1
    return [a, b] as const
  })
}
const vectorsOf = (pairs: ReadonlyArray<readonly [Clocks, Clocks]>) =>
  pairs.map(([a, b]) => [VersionVector.of(a), VersionVector.of(b)] as const)

const pairs = pairsOf(10)
const ours = vectorsOf(pairs)
const timedPairs = pairs.map(([a, b]) => [timedClock(a), timedClock(b)] as const)
const counters = pairs.map(([a]) => ({ ...a })) // vectorclock changes what it is given
check()

// Nine ids of ten in common: no array of ids can be shared, both are walked.
const mixed = pairs.map(([a, b]) => {
  const { 'server-4': moved = 0, ...rest } = b
  return [a, { ...rest, 'server-x': moved }] as const
})
const ourMixed = vectorsOf(mixed)
const timedMixed = mixed.map(([a, b]) => [timedClock(a), timedClock(b)] as const)

// As they come from a peer: nothing is shared yet.
const bytes = ours.map(([a, b]) => [a.encode(), b.encode()] as const)
const texts = pairs.map(([a, b]) => [JSON.stringify(a), JSON.stringify(b)] as const)
const headers = ours.map(([a]) => vectorToHeader(a))

/** One metric per size. */
function bySize(
  title: string,
  run: (pair: {
    ours: readonly [VersionVector, VersionVector]
    theirs: readonly [Clocks, Clocks]
  }) => Record<string, () => unknown>,
): Group {
  const sizes = [3, 10, 50, 200]
  const columns = new Map<string, (() => Sample)[]>()
  for (const size of sizes) {
    const plain = pairsOf(size)
    const vectors = vectorsOf(plain)
    let pair = { ours: at(vectors, 0), theirs: at(plain, 0) }
    const all = run({
      get ours() {
        return pair.ours
      },
      get theirs() {
        return pair.theirs
      },
    })
    for (const [name, call] of Object.entries(all)) {
      const round = cpuTimed(
        `${size} nodes`,
        (index) => {
          pair = { ours: at(vectors, index), theirs: at(plain, index) }
          return call()
        },
        ROUND_MS,
      )
      columns.set(name, [...(columns.get(name) ?? []), round])
    }
  }
  return {
    title,
    units: Object.fromEntries(sizes.map((size) => [`${size} nodes`, 'ns'])),
    cases: Array.from(columns, ([name, rounds]) => ({
      name,
      round: () => Object.assign({}, ...rounds.map((round) => round())) as Sample,
    })),
  }
}

// Causal delivery: 1,000 messages of three senders, each after all that was sent before.
const SENT = 1_000
const sent = Array.from({ length: SENT }, (_, index) => ({
  node: `n${index % 3}`,
  counter: Math.floor(index / 3) + 1,
}))
const messages = sent.map(({ node, counter }, index): CausalMessage => {
  const deps = VersionVector.of(
    Array.from({ length: 3 }, (_, other) => [`n${other}`, Math.floor((index - other + 2) / 3)] as const),
  )
  return { node, counter, deps }
})
const plainMessages = messages.map(({ node, counter, deps }) => ({ node, counter, deps: deps.toJSON() }))
function deliver<M>(list: readonly M[], buffer: { add(message: M): M[] }): number {
  let delivered = 0
  for (const message of list) delivered += buffer.add(message).length
  if (delivered !== SENT) throw new Error(`${delivered} of ${SENT} messages were delivered`)
  return delivered
}
/** As a service holds them: when the last one of its kind is collected, so is the code that was optimized for it. */
const alive = { buffer: new CausalBuffer({ maxPending: SENT }), scanning: new ScanningBuffer() }
for (const message of messages.slice(1)) alive.buffer.add(message)
for (const message of plainMessages) alive.scanning.add(message)

/** `run` delivers all messages once. */
function delivery(name: string, run: () => unknown): Case {
  const round = cpuTimed('per message', run, ROUND_MS)
  return { name, round: () => ({ 'per message': (round()['per message'] as number) / SENT }) }
}

// Dotted version vector sets: three servers, two siblings.
const written = DvvSet.empty<string>().write('server-1', 'a').write('server-2', 'b').write('server-3', 'c')
const stored = Array.from({ length: 64 }, (_, i) =>
  written.write(`server-${(i % 3) + 1}`, `v${i}`, written.context).write('server-1', 'w'),
)
const contexts = stored.map((one) => one.context)
const behind = stored.map(() => written)
const setBytes = stored.map((one) => one.encode((value) => new TextEncoder().encode(value)))

const wallMs = Date.now()
const hlc = new HybridLogicalClock({ node: 'eu-1' })
const stillHlc = new HybridLogicalClock({ node: 'eu-1', now: () => wallMs })
const theirHlc = new ConsentoHlc()
const remote = new HybridLogicalClock({ node: 'us-1' }).now()
const theirRemote = new ConsentoHlc().now()

const groups: Group[] = [
  {
    title: 'increment',
    units: ns,
    cases: [
      op('quorate', (index) => at(ours, index)[0].increment('server-4')),
      op('quorate, plain objects', (index) => incrementRecord(at(pairs, index)[0], 'server-4')),
      op('@thi.ng/vclock', (index) => thing.inc(at(pairs, index)[0], 'server-4')),
      op('vectorclock (in place)', (index) => vectorclock.increment(at(counters, index), 'server-4')),
    ],
  },
  {
    title: 'compare',
    units: ns,
    cases: [
      op('quorate', (index) => at(ours, index)[0].compare(at(ours, index)[1])),
      op('quorate, plain objects', (index) => compareRecords(at(pairs, index)[0], at(pairs, index)[1])),
      op('@thi.ng/vclock', (index) => thing.compare(at(pairs, index)[0], at(pairs, index)[1])),
      op('vectorclock', (index) => vectorclock.compare(at(pairs, index)[0], at(pairs, index)[1])),
      op('pvclock', (index) => pvclock.compare(at(timedPairs, index)[0], at(timedPairs, index)[1])),
    ],
  },
  {
    title: 'merge',
    units: ns,
    cases: [
      op('quorate', (index) => at(ours, index)[0].merge(at(ours, index)[1])),
      op('quorate, plain objects', (index) => mergeRecords(at(pairs, index)[0], at(pairs, index)[1])),
      op('@thi.ng/vclock', (index) => thing.merge(at(pairs, index)[0], at(pairs, index)[1])),
      op('vectorclock', (index) => vectorclock.merge(at(pairs, index)[0], at(pairs, index)[1])),
      op('pvclock', (index) => pvclock.merge(at(timedPairs, index)[0], at(timedPairs, index)[1])),
    ],
  },
  {
    title: 'compare, 9 ids of 10 in common',
    units: ns,
    cases: [
      op('quorate', (index) => at(ourMixed, index)[0].compare(at(ourMixed, index)[1])),
      op('@thi.ng/vclock', (index) => thing.compare(at(mixed, index)[0], at(mixed, index)[1])),
      op('vectorclock', (index) => vectorclock.compare(at(mixed, index)[0], at(mixed, index)[1])),
      op('pvclock', (index) => pvclock.compare(at(timedMixed, index)[0], at(timedMixed, index)[1])),
    ],
  },
  {
    title: 'merge, 9 ids of 10 in common',
    units: ns,
    cases: [
      op('quorate', (index) => at(ourMixed, index)[0].merge(at(ourMixed, index)[1])),
      op('@thi.ng/vclock', (index) => thing.merge(at(mixed, index)[0], at(mixed, index)[1])),
      op('vectorclock', (index) => vectorclock.merge(at(mixed, index)[0], at(mixed, index)[1])),
      op('pvclock', (index) => pvclock.merge(at(timedMixed, index)[0], at(timedMixed, index)[1])),
    ],
  },
  {
    title: 'read two and compare them',
    units: ns,
    cases: [
      op('quorate, bytes', (index) => {
        const [a, b] = at(bytes, index)
        return VersionVector.decode(a).compare(VersionVector.decode(b))
      }),
      op('quorate, JSON', (index) => {
        const [a, b] = at(texts, index)
        return VersionVector.fromJSON(JSON.parse(a)).compare(VersionVector.fromJSON(JSON.parse(b)))
      }),
      op('@thi.ng/vclock, JSON', (index) => {
        const [a, b] = at(texts, index)
        return thing.compare(JSON.parse(a), JSON.parse(b))
      }),
      op('vectorclock, JSON', (index) => {
        const [a, b] = at(texts, index)
        return vectorclock.compare(JSON.parse(a), JSON.parse(b))
      }),
    ],
  },
  bySize('compare by size', (pair) => ({
    quorate: () => pair.ours[0].compare(pair.ours[1]),
    '@thi.ng/vclock': () => thing.compare(pair.theirs[0], pair.theirs[1]),
    vectorclock: () => vectorclock.compare(pair.theirs[0], pair.theirs[1]),
  })),
  bySize('merge by size', (pair) => ({
    quorate: () => pair.ours[0].merge(pair.ours[1]),
    '@thi.ng/vclock': () => thing.merge(pair.theirs[0], pair.theirs[1]),
    vectorclock: () => vectorclock.merge(pair.theirs[0], pair.theirs[1]),
  })),
  {
    title: 'encoding',
    units: { encode: 'ns', decode: 'ns', size: 'bytes' },
    cases: [
      encoding(
        'bytes',
        (index) => at(ours, index)[0].encode(),
        (index) => VersionVector.decode(at(bytes, index)[0]),
        at(bytes, 0)[0].length,
      ),
      encoding(
        'header',
        (index) => vectorToHeader(at(ours, index)[0]),
        (index) => vectorFromHeader(at(headers, index)),
        at(headers, 0).length,
      ),
      encoding(
        'JSON',
        (index) => JSON.stringify(at(ours, index)[0]),
        (index) => VersionVector.fromJSON(JSON.parse(at(texts, index)[0])),
        at(texts, 0)[0].length,
      ),
      encoding(
        'plain object as JSON, unchecked',
        (index) => JSON.stringify(at(pairs, index)[0]),
        (index) => JSON.parse(at(texts, index)[0]),
        at(texts, 0)[0].length,
      ),
    ],
  },
  {
    title: 'dotted version vector set, 3 servers',
    units: ns,
    cases: [
      op('write', (index) => at(stored, index).write('server-2', 'new', at(contexts, index))),
      op('merge', (index) => at(stored, index).merge(at(behind, index))),
      op('decode', (index) => DvvSet.decode(at(setBytes, index), (value) => value)),
    ],
  },
  {
    title: 'causal delivery of 1,000 messages, in order',
    units: { 'per message': 'ns' },
    cases: [
      delivery('quorate', () => deliver(messages, new CausalBuffer({ maxPending: SENT }))),
      delivery('scan after each delivery', () => deliver(plainMessages, new ScanningBuffer())),
    ],
  },
  {
    title: 'causal delivery of 1,000 messages, reversed',
    units: { 'per message': 'ns' },
    cases: [
      delivery('quorate', () => deliver(messages.toReversed(), new CausalBuffer({ maxPending: SENT }))),
      delivery('scan after each delivery', () => deliver(plainMessages.toReversed(), new ScanningBuffer())),
    ],
  },
  {
    title: 'HLC now()',
    units: ns,
    cases: [
      op('quorate', () => hlc.now()),
      op('quorate, wall clock handed in', () => stillHlc.now()),
      op('@consento/hlc', () => theirHlc.now()),
      op('Date.now() alone', () => Date.now()),
    ],
  },
  {
    title: 'HLC receive()',
    units: ns,
    cases: [
      op('quorate', () => hlc.receive(remote)),
      op('@consento/hlc', () => theirHlc.update(theirRemote)),
    ],
  },
  {
    title: 'size',
    units: { 'min + gzip': 'bytes' },
    cases: [
      sizeOf('quorate, main entry', "export * from '@quorate/vector-clock'"),
      sizeOf('quorate, VersionVector', "export { VersionVector } from '@quorate/vector-clock'"),
      sizeOf('quorate, HybridLogicalClock', "export { HybridLogicalClock } from '@quorate/vector-clock'"),
      sizeOf(
        'quorate, plain objects',
        "export { compare, merge, increment } from '@quorate/vector-clock/records'",
      ),
      ...['causal-context', 'delivery', 'dvv', 'hlc', 'http', 'lamport', 'matrix', 'prune'].map((entry) =>
        sizeOf(`quorate/${entry}`, `export * from '@quorate/vector-clock/${entry}'`),
      ),
      sizeOf('@thi.ng/vclock', "export * from '@thi.ng/vclock'"),
      sizeOf('vectorclock', "export { default } from 'vectorclock'"),
      sizeOf('pvclock', "export { default } from 'pvclock'"),
      sizeOf('@consento/hlc', "export { default } from '@consento/hlc'"),
    ],
  },
]

if (alive.buffer.pending === 0) throw new Error('Nothing waits for the first message')
await bench({
  workload:
    'vectors of 10 entries unless said otherwise; compared pairs equal, before, after and concurrent in turn; times are CPU times',
  groups,
  ratios: (value) => {
    const ratio = (group: string, rival: string, metric = METRIC): number =>
      value(rival, metric, group) / value('quorate', metric, group)
    return {
      'increment: @thi.ng/vclock / quorate': ratio('increment', '@thi.ng/vclock'),
      'compare: @thi.ng/vclock / quorate': ratio('compare', '@thi.ng/vclock'),
      'compare: vectorclock / quorate': ratio('compare', 'vectorclock'),
      'compare: pvclock / quorate': ratio('compare', 'pvclock'),
      'merge: @thi.ng/vclock / quorate': ratio('merge', '@thi.ng/vclock'),
      'merge: vectorclock / quorate': ratio('merge', 'vectorclock'),
      'merge: pvclock / quorate': ratio('merge', 'pvclock'),
      'compare, 9 ids of 10: @thi.ng/vclock / quorate': ratio(
        'compare, 9 ids of 10 in common',
        '@thi.ng/vclock',
      ),
      'merge, 9 ids of 10: @thi.ng/vclock / quorate': ratio('merge, 9 ids of 10 in common', '@thi.ng/vclock'),
      'compare 200 nodes: @thi.ng/vclock / quorate': ratio('compare by size', '@thi.ng/vclock', '200 nodes'),
      'delivery in order: scan / quorate': ratio(
        'causal delivery of 1,000 messages, in order',
        'scan after each delivery',
        'per message',
      ),
      'delivery reversed: scan / quorate': ratio(
        'causal delivery of 1,000 messages, reversed',
        'scan after each delivery',
        'per message',
      ),
      'HLC now(): @consento/hlc / quorate': ratio('HLC now()', '@consento/hlc'),
      'HLC receive(): @consento/hlc / quorate': ratio('HLC receive()', '@consento/hlc'),
    }
  },
})

function encoding(
  name: string,
  encode: (index: number) => unknown,
  decode: (index: number) => unknown,
  size: number,
): Case {
  const rounds = [cpuTimed('encode', encode, ROUND_MS), cpuTimed('decode', decode, ROUND_MS)]
  return { name, round: () => Object.assign({ size }, ...rounds.map((round) => round())) as Sample }
}

/** The same answers from everyone, or the times mean nothing. */
function check(): void {
  const expected = ['equal', 'before', 'after', 'concurrent']
  pairs.forEach(([a, b], pair) => {
    const [first, second] = at(ours, pair)
    for (const got of [first.compare(second), compareRecords(a, b)]) {
      if (got !== expected[pair % 4])
        throw new Error(`Pair ${pair} is ${got}, expected ${expected[pair % 4]}`)
    }
    const merged = JSON.stringify(first.merge(second).toJSON())
    for (const other of [mergeRecords(a, b), thing.merge(a, b), vectorclock.merge(a, b)]) {
      const sorted = Object.fromEntries(Object.entries(other).toSorted(([x], [y]) => (x < y ? -1 : 1)))
      if (JSON.stringify(sorted) !== merged)
        throw new Error(`Pair ${pair}: ${JSON.stringify(sorted)}, expected ${merged}`)
    }
  })
}
