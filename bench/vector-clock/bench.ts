// Version vectors of 10 entries and hybrid logical clocks, against what npm has.
import { createRequire } from 'node:module'
import { HybridLogicalClock, VersionVector } from '@quorate/vector-clock'
import * as thing from '@thi.ng/vclock'
import { bench, timed, type Case } from '../harness/index.ts'

type Clocks = Record<string, number>
type Timed = Record<string, { v: number; t: number }>
const require = createRequire(import.meta.url)
const vectorclock = require('vectorclock') as {
  increment(clock: Clocks, node: string): Clocks
  compare(a: Clocks, b: Clocks): number
  merge(a: Clocks, b: Clocks): Clocks
}
const pvclock = (
  require('pvclock') as () => {
    increment(clock: Timed, node: string): Timed
    compare(a: Timed, b: Timed): number
    merge(a: Timed, b: Timed): Timed
  }
)()
const ConsentoHlc = require('@consento/hlc') as new () => { now(): unknown; update(other: unknown): void }

// 64 pairs of vectors over one set of ids. A quarter is equal, a quarter before, a quarter after, a quarter
// concurrent: 'concurrent' alone would let everyone stop early.
const ids = Array.from({ length: 10 }, (_, index) => `server-${index}`)
const pairs = Array.from({ length: 64 }, (_, pair) => {
  const a = Object.fromEntries(ids.map((id, index) => [id, 100 + ((pair * 7 + index * 13) % 50)]))
  const b = { ...a }
  if (pair % 4 === 1 || pair % 4 === 3) b['server-9'] = (b['server-9'] ?? 0) + 1
  if (pair % 4 === 2 || pair % 4 === 3) b['server-8'] = (b['server-8'] ?? 0) - 1
  return [a, b] as const
})
const at = <T>(list: readonly T[], index: number): T => list[index & 63] as T
const timedClock = (clock: Clocks): Timed =>
  Object.fromEntries(Object.entries(clock).map(([id, v]) => [id, { v, t: 1_700_000_000 }]))

const ours = pairs.map(([a, b]) => [VersionVector.of(a), VersionVector.of(b)] as const)
const theirs = pairs.map(([a, b]) => [timedClock(a), timedClock(b)] as const)
const counters = pairs.map(([a]) => ({ ...a })) // vectorclock changes what it is given
check()

const wallMs = Date.now()
const ourHlc = new HybridLogicalClock({ node: 'eu-1' })
const stillHlc = new HybridLogicalClock({ node: 'eu-1', now: () => wallMs })
const theirHlc = new ConsentoHlc()

const METRIC = 'per call'
const op = (name: string, run: (index: number) => unknown): Case => ({ name, round: timed(METRIC, run, 100) })
const units = { [METRIC]: 'ns' }

await bench({
  workload:
    'vectors of 10 entries over one set of ids; compared pairs equal, before, after and concurrent in turn',
  groups: [
    {
      title: 'increment',
      units,
      cases: [
        op('quorate', (index) => at(ours, index)[0].increment('server-4')),
        op('@thi.ng/vclock', (index) => thing.inc(at(pairs, index)[0], 'server-4')),
        op('vectorclock (in place)', (index) => vectorclock.increment(at(counters, index), 'server-4')),
      ],
    },
    {
      title: 'compare',
      units,
      cases: [
        op('quorate', (index) => at(ours, index)[0].compare(at(ours, index)[1])),
        op('@thi.ng/vclock', (index) => thing.compare(at(pairs, index)[0], at(pairs, index)[1])),
        op('vectorclock', (index) => vectorclock.compare(at(pairs, index)[0], at(pairs, index)[1])),
        op('pvclock', (index) => pvclock.compare(at(theirs, index)[0], at(theirs, index)[1])),
      ],
    },
    {
      title: 'merge',
      units,
      cases: [
        op('quorate', (index) => at(ours, index)[0].merge(at(ours, index)[1])),
        op('@thi.ng/vclock', (index) => thing.merge(at(pairs, index)[0], at(pairs, index)[1])),
        op('vectorclock', (index) => vectorclock.merge(at(pairs, index)[0], at(pairs, index)[1])),
        op('pvclock', (index) => pvclock.merge(at(theirs, index)[0], at(theirs, index)[1])),
      ],
    },
    {
      title: 'HLC now()',
      units,
      cases: [
        op('quorate', () => ourHlc.now()),
        op('quorate, wall clock handed in', () => stillHlc.now()),
        op('@consento/hlc', () => theirHlc.now()),
        op('Date.now() alone', () => Date.now()),
      ],
    },
  ],
  ratios: (value) => ({
    'increment: @thi.ng/vclock / quorate': ratio(value, 'increment', '@thi.ng/vclock'),
    'compare: @thi.ng/vclock / quorate': ratio(value, 'compare', '@thi.ng/vclock'),
    'compare: vectorclock / quorate': ratio(value, 'compare', 'vectorclock'),
    'merge: @thi.ng/vclock / quorate': ratio(value, 'merge', '@thi.ng/vclock'),
    'merge: vectorclock / quorate': ratio(value, 'merge', 'vectorclock'),
    'HLC now(): @consento/hlc / quorate': ratio(value, 'HLC now()', '@consento/hlc'),
  }),
})

function ratio(
  value: (name: string, metric: string, group: string) => number,
  group: string,
  rival: string,
): number {
  return value(rival, METRIC, group) / value('quorate', METRIC, group)
}

/** The same answers from everyone, or the times mean nothing. */
function check(): void {
  const expected = ['equal', 'before', 'after', 'concurrent']
  pairs.forEach(([a, b], pair) => {
    const [first, second] = at(ours, pair)
    const got = first.compare(second)
    if (got !== expected[pair % 4]) throw new Error(`Pair ${pair} is ${got}, expected ${expected[pair % 4]}`)
    const merged = JSON.stringify(first.merge(second).toJSON())
    const others = [thing.merge(a, b), vectorclock.merge(a, b)]
    for (const other of others) {
      const sorted = Object.fromEntries(Object.entries(other).toSorted(([x], [y]) => (x < y ? -1 : 1)))
      if (JSON.stringify(sorted) !== merged)
        throw new Error(`Pair ${pair}: ${JSON.stringify(sorted)}, expected ${merged}`)
    }
  })
}
