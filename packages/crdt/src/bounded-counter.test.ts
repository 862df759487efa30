import { VersionVector } from '@quorate/vector-clock'
import { expect, test } from 'vitest'
import {
  type BoundedCounter,
  boundedCounterFromJSON,
  type BoundedCounterOptions,
  chooseDonors,
  createBoundedCounter,
  DecodeError,
  decodeBoundedCounter,
  DuplicateReplicaError,
  RetiredReplicaError,
} from './index.ts'

const counter = (replica: string, options: Omit<BoundedCounterOptions, 'replica'> = {}): BoundedCounter =>
  createBoundedCounter({ replica, ...options })

/** Each hears of all that the others know. */
function sync(...all: readonly BoundedCounter[]): void {
  for (const one of [...all, ...all]) {
    for (const other of all) if (other !== one) other.merge(one.deltaSince(other.version).encode())
  }
}

/** What all of them have reached. */
function reached(...all: readonly BoundedCounter[]): VersionVector {
  const nodes = all.flatMap(({ version }) => [...version].map(([node]) => node))
  return VersionVector.of(
    nodes.map((node) => [node, Math.min(...all.map(({ version }) => version.get(node)))] as const),
  )
}

// Antidote, antidote_crdt_counter_b: r1 and r2 there are keys of one state; here, two replicas.
test('a new counter is at its minimum, and nobody has rights (Antidote counter_b, new)', () => {
  const r1 = counter('r1')
  expect([r1.value, r1.available, r1.rights('r2'), r1.room, r1.hasGaps]).toEqual([0, 0, 0, Infinity, false])
  expect(r1.encode()).toHaveLength(4)
  expect(counter('r1', { minimum: -5 }).value).toBe(-5)
})

test('who counts up has the rights (Antidote counter_b, increment and localPermissions)', () => {
  const [r1, r2] = [counter('r1'), counter('r2')]
  r1.increment(10)
  r2.increment(5)
  sync(r1, r2)
  for (const one of [r1, r2]) {
    expect([one.rights('r1'), one.rights('r2'), one.rights('r3'), one.value]).toEqual([10, 5, 0, 15])
  }
})

test("counting down needs rights of one's own (Antidote counter_b, decrement)", () => {
  const r1 = counter('r1')
  r1.increment(10)
  expect(r1.decrement(6)?.isEmpty).toBe(false)
  const before = r1.encode()
  expect([r1.decrement(6), r1.value, r1.available]).toEqual([undefined, 4, 4])
  expect(r1.encode()).toEqual(before)
})

test('that there is enough in all does not help: it has to be here (Antidote counter_b, decrement and increment)', () => {
  const [r1, r2] = [counter('r1'), counter('r2')]
  r1.increment(10)
  r1.decrement(6)
  r2.increment(6)
  sync(r1, r2)
  expect([r1.value, r1.decrement(6)]).toEqual([10, undefined])
  expect(r2.decrement(6)?.isEmpty).toBe(false)
  r1.merge(r2)
  expect([r1.value, r1.rights('r2')]).toEqual([4, 0])
})

test('rights can be handed over, and handed on (Antidote counter_b, transfer)', () => {
  const [r1, r2] = [counter('r1'), counter('r2')]
  r1.increment(10)
  r1.transfer(6, 'r2')
  sync(r1, r2)
  expect([r1.available, r2.available, r1.value, r2.value]).toEqual([4, 6, 10, 10])
  expect(r1.transfer(5, 'r2')).toBeUndefined()
  r2.transfer(5, 'r1')
  expect([r1.available, r2.available]).toEqual([4, 1])
  sync(r1, r2)
  expect([r1.available, r2.available, r1.value]).toEqual([9, 1, 10])
})

test('bytes and JSON come back as they went (Antidote counter_b, binary)', () => {
  const [r1, r2] = [counter('r1', { minimum: -3 }), counter('r2', { minimum: -3 })]
  r1.increment(10)
  r1.decrement(6)
  r1.transfer(2, 'r2')
  r2.merge(r1)
  r2.retire('r1')
  for (const again of [
    decodeBoundedCounter(r2.encode(), { replica: 'x' }),
    boundedCounterFromJSON(JSON.parse(JSON.stringify(r2)), { replica: 'x' }),
  ]) {
    expect(again.encode()).toEqual(r2.encode())
    expect([again.value, again.minimum, again.rights('r2')]).toEqual([1, -3, 2])
  }
})

test('early, twice and out of order: the value stays above the minimum, and is exact in the end', () => {
  const [a, b, c] = [counter('a', { minimum: 3 }), counter('b', { minimum: 3 }), counter('c', { minimum: 3 })]
  const up = a.increment(5)
  const gift = a.transfer(4, 'b')
  b.merge(gift?.encode() as Uint8Array)
  const use = b.decrement(4)
  c.merge(use?.encode() as Uint8Array)
  expect([c.value, c.bigValue, c.hasGaps]).toEqual([3, 3n, true])
  // The gift tells all that its sender did; so the earlier delta says nothing new.
  c.merge(gift?.encode() as Uint8Array)
  expect([c.value, c.hasGaps, c.merge(up as never), c.merge(use as never)]).toEqual([4, false, false, false])
  expect(c.deltaSince(b.version).isEmpty && b.deltaSince(c.version).isEmpty).toBe(true)
})

test('a transfer that is lost comes with any later delta of its sender', () => {
  const [a, b] = [counter('a'), counter('b')]
  a.increment(5)
  a.transfer(3, 'b')
  b.merge(a.increment(1)?.encode() as Uint8Array)
  expect([b.available, a.available, b.value]).toEqual([3, 3, 6])
})

test('both bounds: seats never below 0 nor above 100', () => {
  const options = { maximum: 100, holder: 'a' }
  const [a, b] = [counter('a', options), counter('b', options)]
  expect([a.room, b.room, a.rights('a', 'room'), b.rights('b', 'room'), b.maximum]).toEqual([
    100, 0, 100, 0, 100,
  ])
  expect([b.increment(), a.increment(101)]).toEqual([undefined, undefined])
  a.increment(60)
  a.transfer(30, 'b', 'room')
  a.transfer(10, 'b')
  sync(a, b)
  expect([a.room, b.room, a.available, b.available, b.value]).toEqual([10, 30, 50, 10, 60])
  b.increment(30)
  expect([b.increment(), a.increment(11)]).toEqual([undefined, undefined])
  a.increment(10)
  sync(a, b)
  expect([a.value, a.room, b.room]).toEqual([100, 0, 0])
  // Who counts down makes room for itself.
  b.decrement(40)
  expect([b.decrement(), b.room, b.increment(40)?.isEmpty, b.available]).toEqual([undefined, 40, false, 40])
  expect(decodeBoundedCounter(b.encode(), { replica: 'b' }).encode()).toEqual(b.encode())
  expect(boundedCounterFromJSON(JSON.parse(JSON.stringify(b)), { replica: 'b' }).encode()).toEqual(b.encode())
})

test('while rows are missing the value stays below the maximum, too', () => {
  const options = { maximum: 10, holder: 'a' }
  const [a, b, c] = [counter('a', options), counter('b', options), counter('c', options)]
  a.increment(10)
  const early = a.encode()
  a.decrement(6)
  a.transfer(6, 'b', 'room')
  b.merge(a)
  c.merge(b.increment(6)?.encode() as Uint8Array)
  c.merge(early)
  expect([c.value, c.hasGaps]).toEqual([10, true])
})

test('donors() asks the richest first, only those it needs, and none that is gone', () => {
  const [a, b, c, d] = [counter('a'), counter('b'), counter('c'), counter('d')]
  a.increment(2)
  b.increment(5)
  c.increment(9)
  sync(a, b, c, d)
  expect(a.donors(2)).toEqual([])
  expect(a.donors(4)).toEqual([{ replica: 'c', amount: 2 }])
  expect(a.donors(14)).toEqual([
    { replica: 'c', amount: 9 },
    { replica: 'b', amount: 3 },
  ])
  expect(a.donors(17)).toBeUndefined()
  d.retire('c')
  sync(a, b, d)
  expect([a.donors(4), a.donors(8)]).toEqual([[{ replica: 'b', amount: 2 }], undefined])
  expect(() => a.donors(-1)).toThrow(RangeError)
})

test('chooseDonors() decides alike on all replicas', () => {
  const rights = [
    ['b', 3],
    ['a', 3],
    ['c', 0],
    ['d', -1],
  ] as const
  expect(chooseDonors(rights, 4)).toEqual([
    { replica: 'a', amount: 3 },
    { replica: 'b', amount: 1 },
  ])
  expect([chooseDonors(rights, 7), chooseDonors([], 0), chooseDonors([], 1)]).toEqual([
    undefined,
    [],
    undefined,
  ])
})

test('the rights of one that is gone go to one heir, when all know', () => {
  const [gone, a, b] = [counter('gone'), counter('a'), counter('b')]
  gone.increment(5)
  gone.decrement(1)
  a.increment(2)
  sync(gone, a, b)
  b.retire('gone')
  // Nobody has them as long as another may have claimed them, too.
  expect([b.available, b.rights('gone'), b.value]).toEqual([0, 4, 6])
  expect(b.forget('gone', reached(a, b))).toBe(false)
  sync(a, b)
  expect([a.retire('gone').isEmpty, a.forget('gone', reached(a, b))]).toEqual([true, false])
  expect(b.forget('gone', reached(a, b))).toBe(true)
  expect([b.available, b.rights('gone'), b.decrement(4)?.isEmpty, b.value]).toEqual([4, 0, false, 2])
  sync(a, b)
  expect([a.forget('gone', reached(a, b)), a.value, a.rights('b'), a.rights('gone')]).toEqual([true, 2, 0, 0])
})

test('two claim at once: the lower name gets it all, the other nothing', () => {
  const [gone, a, b] = [counter('gone'), counter('a'), counter('b')]
  gone.increment(5)
  sync(gone, a, b)
  const [byA, byB] = [a.retire('gone'), b.retire('gone')]
  const early = reached(a, b)
  expect([a.forget('gone', early), b.forget('gone', early)]).toEqual([false, false])
  a.merge(byB)
  b.merge(byA)
  const stable = reached(a, b)
  expect([b.forget('gone', stable), a.forget('gone', stable)]).toEqual([false, true])
  sync(a, b)
  expect([a.available, b.available, b.forget('gone', stable), b.value]).toEqual([5, 0, true, 5])
})

test('what is sent to one that is gone goes to its heir', () => {
  const [gone, a, b] = [counter('gone'), counter('a'), counter('b')]
  gone.increment(1)
  b.increment(5)
  sync(gone, a, b)
  a.retire('gone')
  const late = b.transfer(3, 'gone')
  sync(a, b)
  a.forget('gone', reached(a, b))
  a.merge(late as never)
  expect([a.available, b.available, a.value]).toEqual([4, 2, 6])
})

test('the heir of an heir has all of it, also of what the heir had claimed and not yet got', () => {
  const [a, b, c, d] = [counter('a'), counter('b'), counter('c'), counter('d')]
  a.increment(1)
  b.increment(2)
  c.increment(4)
  sync(a, b, c, d)
  b.retire('a')
  sync(b, c, d)
  c.retire('b')
  sync(c, d)
  expect([c.forget('b', reached(c, d)), c.available]).toEqual([true, 6])
  expect([c.forget('a', reached(c, d)), c.available, c.value]).toEqual([true, 7, 7])
  sync(c, d)
  expect([d.rights('c'), d.rights('a'), d.rights('b'), d.forget('a', d.version)]).toEqual([7, 0, 0, true])
})

test('a very long chain of heirs costs no more than its length', () => {
  const length = 30_000
  const name = (index: number): string => `r${String(index).padStart(5, '0')}`
  const rows = Array.from({ length }, (_, i) => [
    name(i),
    { up: 1, down: 0, claims: i + 1 < length ? { [name(i + 1)]: { at: 1, held: true } } : {} },
  ])
  const json = { type: 'bounded-counter', minimum: 0, rows: Object.fromEntries(rows) }
  const before = process.cpuUsage()
  const made = boundedCounterFromJSON(json, { replica: name(0) })
  expect([made.available, made.rights(name(1)), made.rights(name(length - 1))]).toEqual([length, 0, 0])
  const { user, system } = process.cpuUsage(before)
  expect(user + system).toBeLessThan(5_000_000) // a minute if each one's heir is looked for along the whole chain
})

test('those that took over each other keep their own, and one of them what is left to the two', () => {
  const row = (...gone: string[]): object => ({
    up: 1,
    down: 0,
    claims: Object.fromEntries(gone.map((one) => [one, { at: 1, held: true }])),
  })
  const rows = [
    ['a', row('b')],
    ['b', row('c')],
    ['c', row('a', 'd')],
    ['d', row('e')],
    ['e', row()],
  ]
  for (const list of [rows, rows.toReversed()]) {
    const made = boundedCounterFromJSON(
      { type: 'bounded-counter', minimum: 0, rows: Object.fromEntries(list) },
      { replica: 'x' },
    )
    expect(['a', 'b', 'c', 'd', 'e'].map((node) => made.rights(node))).toEqual([1, 1, 3, 0, 0])
  }
})

test('a replica that hears of a claim on itself makes no more edits', () => {
  const [a, b] = [counter('a'), counter('b')]
  a.increment(5)
  b.merge(a)
  a.merge(b.retire('a'))
  const before = a.encode()
  for (const edit of [
    () => a.increment(),
    () => a.decrement(),
    () => a.transfer(1, 'b'),
    () => a.retire('b'),
  ]) {
    expect(edit).toThrow(RetiredReplicaError)
  }
  expect(a.encode()).toEqual(before)
  expect(a.clone({ replica: 'again' }).increment(1)?.isEmpty).toBe(false)
})

test('nothing to retire, nothing to forget', () => {
  const [a, b] = [counter('a'), counter('b')]
  expect([a.retire('b').isEmpty, a.forget('b', a.version)]).toEqual([true, true])
  b.increment()
  a.merge(b)
  expect(a.forget('b', a.version)).toBe(false)
  expect(() => a.retire('a')).toThrow(TypeError)
  expect(() => a.retire('')).toThrow(TypeError)
  expect(() => a.forget('b', {} as never)).toThrow(TypeError)
})

test('a second writer under the same name is found, and nothing is merged', () => {
  const a = counter('a')
  a.increment(5)
  const twin = a.clone()
  a.decrement(5)
  twin.decrement(4)
  twin.transfer(1, 'b')
  const before = a.encode()
  expect(() => a.merge(twin)).toThrow(DuplicateReplicaError)
  expect(() => a.merge(twin.encode())).toThrow(DuplicateReplicaError)
  expect(a.encode()).toEqual(before)
  // Third parties converge all the same.
  const [x, y] = [counter('x'), counter('y')]
  x.merge(a)
  x.merge(twin)
  y.merge(twin)
  y.merge(a)
  expect(x.encode()).toEqual(y.encode())
})

test('counters with other bounds do not mix, and nothing is merged', () => {
  const a = counter('a')
  for (const options of [{ minimum: 1 }, { maximum: 5, holder: 'b' }]) {
    const b = counter('b', options)
    b.increment(1)
    expect(() => a.merge(b)).toThrow(/from 0 to Infinity: the source goes from/)
    expect(() => a.merge(b.encode())).toThrow(DecodeError)
    expect(() => a.deltaSince(a.version).merge(b.deltaSince(a.version))).toThrow(TypeError)
  }
  expect([a.value, a.version.size]).toEqual([0, 0])
})

test('deltas group to one, and stay as they are', () => {
  const [a, b] = [counter('a'), counter('b')]
  const [first, second, other] = [a.increment(3), a.transfer(1, 'b'), b.increment(2)] as const
  const before = JSON.stringify([first, second, other])
  const c = counter('c')
  c.merge(
    second
      ?.merge(first as never)
      .merge(other as never)
      .encode() as Uint8Array,
  )
  expect([c.value, c.rights('b'), c.rights('a')]).toEqual([5, 3, 2])
  expect(JSON.stringify([first, second, other])).toBe(before)
})

test('wrong arguments are refused and change nothing; 0 is an empty delta', () => {
  const a = counter('a')
  a.increment(5)
  const before = a.encode()
  for (const by of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
    expect(() => a.increment(by)).toThrow(RangeError)
    expect(() => a.decrement(by)).toThrow(RangeError)
    expect(() => a.transfer(by, 'b')).toThrow(RangeError)
  }
  expect(() => a.transfer(1, 'a')).toThrow(/to must be another replica/)
  expect(() => a.transfer(1, '')).toThrow(TypeError)
  expect(() => a.transfer(1, 'b', 'room')).toThrow(/there is no maximum/)
  expect(() => a.increment(Number.MAX_SAFE_INTEGER)).toThrow(/would pass 2\^53; go on as a new replica/)
  expect([a.increment(0), a.decrement(0), a.transfer(0, 'b')].map((delta) => delta?.isEmpty)).toEqual([
    true,
    true,
    true,
  ])
  expect(a.encode()).toEqual(before)
})

test.each<Omit<BoundedCounterOptions, 'replica'>>([
  { minimum: 0.5 },
  { minimum: 2 ** 51 },
  { minimum: Number.NaN },
  { maximum: 5 },
  { holder: 'a' },
  { minimum: 5, maximum: 5, holder: 'a' },
  { maximum: 2 ** 52, holder: 'a' },
  { maximum: 5, holder: '' },
])('createBoundedCounter() refuses the bounds %j', (options) => {
  expect(() => counter('a', options)).toThrow(RangeError)
})

test('a sum past 2^53 is refused as a number and exact as a bigint', () => {
  const a = counter('a')
  a.increment(2 ** 53 - 1)
  a.merge(counter('b').increment(2 ** 53 - 1) as never)
  expect(() => a.value).toThrow(RangeError)
  expect(a.bigValue).toBe(2n * (2n ** 53n - 1n))
})

test('the bytes and JSON, for ever', () => {
  const a = counter('a', { minimum: -1, maximum: 9, holder: 'a' })
  a.increment(5)
  a.transfer(2, 'b')
  a.transfer(1, 'b', 'room')
  a.merge(decodeBoundedCounter(a.encode(), { replica: 'b' }).transfer(1, 'c') as never)
  a.retire('b')
  const row = ['0161', '05', '00', '03', '0162', '02', '01', '01', '0162', '12']
  const parts = ['0105', '03', '0a', '0161', '02', ...row, '0162', '00', '00', '02', '0163', '01', '00']
  expect(Buffer.from(a.encode()).toString('hex')).toBe(parts.join(''))
  expect(JSON.stringify(a)).toBe(
    '{"type":"bounded-counter","minimum":-1,"maximum":9,"holder":"a","rows":{' +
      '"a":{"up":5,"down":0,"sent":{"b":{"stock":2,"room":1}},"claims":{"b":{"at":9,"held":false}}},' +
      '"b":{"up":0,"down":0,"sent":{"c":{"stock":1,"room":0}}}}}',
  )
})

test.each<[string, number[]]>([
  ['another type', [1, 4, 0, 0]],
  ['a maximum that is the minimum', [1, 5, 1, 0, 1, 97, 0]],
  ['a holder without a name', [1, 5, 1, 5, 0, 0]],
  ['an empty row', [1, 5, 0, 1, 1, 97, 0, 0, 0]],
  ['rows out of order', [1, 5, 0, 2, 1, 98, 1, 0, 0, 1, 97, 1, 0, 0]],
  ['a replica without a name', [1, 5, 0, 1, 0, 1, 0, 0]],
  ['a transfer to the sender', [1, 5, 0, 1, 1, 97, 1, 0, 2, 1, 97, 1]],
  ['a transfer of nothing', [1, 5, 0, 1, 1, 97, 1, 0, 2, 1, 98, 0]],
  ['an empty list of claims', [1, 5, 0, 1, 1, 97, 1, 0, 1, 0]],
  ['a claim later than the row', [1, 5, 0, 1, 1, 97, 1, 0, 1, 1, 1, 98, 6]],
  ['an end too early', [1, 5, 0, 1, 1, 97, 1]],
  ['bytes after the end', [1, 5, 0, 0, 0]],
])('decodeBoundedCounter() refuses %s', (_name, bytes) => {
  expect(() => decodeBoundedCounter(Uint8Array.from(bytes), { replica: 'x' })).toThrow(DecodeError)
})

test('boundedCounterFromJSON() refuses what is not a bounded counter', () => {
  const good = { type: 'bounded-counter', minimum: 0, rows: {} }
  expect(boundedCounterFromJSON(good, { replica: 'x' }).value).toBe(0)
  const rows = [
    { a: null },
    { a: {} },
    { a: { up: 1 } },
    { a: { up: '1', down: 0 } },
    { a: { up: 1, down: 0, sent: { b: 1 } } },
    { a: { up: 1, down: 0, sent: { b: {} } } },
    { a: { up: 1, down: 0, claims: { b: { at: 1 } } } },
    { a: { up: 1, down: 0, claims: { a: { at: 1, held: true } } } },
  ]
  const bad = [null, 1, {}, { ...good, minimum: '0' }, { ...good, maximum: 5 }, { ...good, rows: [] }]
  for (const json of [...bad, ...rows.map((list) => ({ ...good, rows: list }))]) {
    expect(() => boundedCounterFromJSON(json, { replica: 'x' }), JSON.stringify(json)).toThrow(DecodeError)
  }
})
