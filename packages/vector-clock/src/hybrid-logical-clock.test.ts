import { expect, test } from 'vitest'
import { hlcFromBigInt, hlcFromBytes, hlcToBigInt, hlcToBytes } from './hlc/index.ts'
import {
  ClockDriftError,
  compareHlc,
  DecodeError,
  DuplicateNodeError,
  HLC_MAX_COUNTER,
  HLC_MAX_MS,
  hlcFromString,
  type HlcTimestamp,
  hlcToString,
  HybridLogicalClock,
  type HybridLogicalClockOptions,
  isHlcTimestamp,
} from './index.ts'

/** A clock whose wall time the test sets. */
function clockAt(startMs: number, options: { maxDriftMs?: number } = {}) {
  const wall = { ms: startMs }
  return { wall, clock: new HybridLogicalClock({ node: 'me', now: () => wall.ms, ...options }) }
}
const stamp = (ms: number, counter: number, node = 'me'): HlcTimestamp => ({ ms, counter, node })

test('the history of the CockroachDB clock test', () => {
  const { wall, clock } = clockAt(0, { maxDriftMs: 1_000 })
  const send = (ms: number) => {
    wall.ms = ms
    return clock.now()
  }
  const receive = (ms: number, remoteMs: number, counter: number) => {
    wall.ms = ms
    return clock.receive(stamp(remoteMs, counter, 'peer'))
  }
  expect(send(5)).toEqual(stamp(5, 0))
  expect(send(6)).toEqual(stamp(6, 0))
  expect(receive(10, 10, 5)).toEqual(stamp(10, 6))
  expect(send(7), 'the wall clock jumped back').toEqual(stamp(10, 7))
  expect(receive(8, 10, 4), 'same ms, own counter is higher').toEqual(stamp(10, 8))
  expect(() => receive(9, 1_100, 888), 'a faulty clock').toThrow(ClockDriftError)
  expect(clock.latest, 'and nothing moved').toEqual(stamp(10, 8))
  expect(receive(10, 10, 99), 'same ms, their counter is higher').toEqual(stamp(10, 100))
  expect(receive(11, 10, 31), 'the wall clock has caught up').toEqual(stamp(11, 0))
  expect(send(11)).toEqual(stamp(11, 1))
})

test.each([
  ['all three equal: the higher counter + 1', 10, stamp(10, 3), stamp(10, 7), stamp(10, 8)],
  ['own time highest: own counter + 1', 5, stamp(10, 3), stamp(9, 7), stamp(10, 4)],
  ['remote time highest: remote counter + 1', 5, stamp(10, 3), stamp(12, 7), stamp(12, 8)],
  ['wall time highest: counter 0', 20, stamp(10, 3), stamp(12, 7), stamp(20, 0)],
])('receive(), figure 5 of the paper: %s', (_name, wallMs, own, remote, expected) => {
  const clock = new HybridLogicalClock({ node: 'me', now: () => wallMs, latest: own })
  expect(clock.receive({ ...remote, node: 'peer' })).toEqual(expected)
})

test('now() rises with a clock that moves, stutters or runs backwards (after the cases of Actual)', () => {
  const { wall, clock } = clockAt(10)
  const seen = [10, 20, 20, 20, 21, 15, 0, 21, 22].map((ms) => {
    wall.ms = ms
    const { ms: at, counter } = clock.now()
    return [at, counter]
  })
  expect(seen).toEqual([
    [10, 0],
    [20, 0],
    [20, 1],
    [20, 2],
    [21, 0],
    [21, 1],
    [21, 2],
    [21, 3],
    [22, 0],
  ])
})

// The cases of Actual's timestamp.test.ts (github.com/actualbudget/actual, packages/crdt): [own wall time, remote ms,
// remote counter, ms and counter expected].
test.each<[string, [number, number, number, number, number][]]>([
  [
    'a global clock that moves',
    [
      [52, 51, 0, 52, 0],
      [54, 53, 0, 54, 0],
      [56, 55, 0, 56, 0],
    ],
  ],
  [
    'a global clock that stutters',
    [
      [61, 62, 0, 62, 1],
      [62, 62, 1, 62, 2],
      [62, 62, 2, 62, 3],
      [63, 62, 4, 63, 0],
    ],
  ],
  [
    'a local clock that stutters',
    [
      [73, 71, 0, 73, 0],
      [73, 72, 0, 73, 1],
      [74, 73, 0, 74, 0],
    ],
  ],
  [
    'a remote clock that stutters',
    [
      [81, 83, 0, 83, 1],
      [82, 83, 1, 83, 2],
      [83, 83, 2, 83, 3],
      [84, 83, 3, 84, 0],
    ],
  ],
  [
    'a local clock that runs backwards',
    [
      [93, 91, 0, 93, 0],
      [92, 92, 0, 93, 1],
      [91, 93, 0, 93, 2],
    ],
  ],
  [
    'a remote clock that runs backwards',
    [
      [101, 103, 0, 103, 1],
      [102, 102, 0, 103, 2],
      [103, 101, 0, 103, 3],
    ],
  ],
])('receive() rises with %s (after the cases of Actual)', (_name, steps) => {
  const { wall, clock } = clockAt(0)
  for (const [wallMs, remoteMs, remoteCounter, ms, counter] of steps) {
    wall.ms = wallMs
    expect(clock.receive(stamp(remoteMs, remoteCounter, 'peer'))).toEqual(stamp(ms, counter))
  }
})

test('receive() finds a second clock of its own name; its own stamps may come back', () => {
  const { clock } = clockAt(1_000)
  expect(clock.receive(stamp(1_100, 3)), 'from before a restart, while it has issued nothing').toEqual(
    stamp(1_100, 4),
  )
  const own = clock.now()
  expect(clock.receive(own), 'read back from a store').toEqual(stamp(1_100, 6))
  const foreign = stamp(1_100, 7)
  expect(() => clock.receive(foreign)).toThrow(
    expect.objectContaining({
      code: 'QUORATE_CLOCK_DUPLICATE_NODE',
      outcome: 'not-applied',
      node: 'me',
      remote: foreign,
    }),
  )
  expect(() => clock.receive(foreign)).toThrow(DuplicateNodeError)
  expect(clock.latest, 'and nothing moved').toEqual(stamp(1_100, 6))
  expect(clock.receive({ ...foreign, node: 'peer' })).toEqual(stamp(1_100, 8))
})

test('a wall clock that gives no time is refused, and nothing moves', () => {
  for (const wallMs of [Number.NaN, Infinity, HLC_MAX_MS + 1]) {
    const { wall, clock } = clockAt(50, { maxDriftMs: Infinity })
    clock.now()
    wall.ms = wallMs
    expect(() => clock.now()).toThrow(RangeError)
    expect(() => clock.receive(stamp(60, 0, 'peer'))).toThrow(RangeError)
    expect(clock.latest).toEqual(stamp(50, 0))
  }
})

// Where Actual gives up (send on a clock five minutes before 1970), order goes on without the wall clock.
test('now() and receive() go on above what they know on a wall clock of before 1970', () => {
  const { wall, clock } = clockAt(50)
  clock.now()
  wall.ms = -(5 * 60_000 + 1)
  expect(clock.now()).toEqual(stamp(50, 1))
  expect(() => clock.receive(stamp(60, 0, 'peer'))).toThrow(ClockDriftError)
})

test('the last stamp there is: no wrap to 0, an error, and nothing moves', () => {
  const last = stamp(HLC_MAX_MS, HLC_MAX_COUNTER)
  const clock = new HybridLogicalClock({ node: 'me', now: () => 0, maxDriftMs: Infinity, latest: last })
  expect(() => clock.now()).toThrow(RangeError)
  expect(() => clock.receive(stamp(HLC_MAX_MS, HLC_MAX_COUNTER, 'peer'))).toThrow(RangeError)
  expect(clock.latest).toEqual(last)
})

test('a counter past 65,535 carries into the milliseconds', () => {
  const { clock } = clockAt(40)
  let last = clock.now()
  for (let i = 0; i < HLC_MAX_COUNTER; i++) last = clock.now()
  expect(last).toEqual(stamp(40, HLC_MAX_COUNTER))
  expect(clock.now()).toEqual(stamp(41, 0))
  expect(clock.receive(stamp(41, HLC_MAX_COUNTER, 'peer'))).toEqual(stamp(42, 0))
})

test('receive() accepts a stamp exactly maxDriftMs ahead and refuses the next', () => {
  const { clock } = clockAt(1_000)
  expect(clock.receive(stamp(1_500, 0, 'peer'))).toEqual(stamp(1_500, 1))
  const refused = () => clock.receive(stamp(1_501, 0, 'peer'))
  expect(refused).toThrow(
    expect.objectContaining({
      code: 'QUORATE_CLOCK_DRIFT',
      outcome: 'not-applied',
      driftMs: 501,
      maxDriftMs: 500,
      remote: stamp(1_501, 0, 'peer'),
    }),
  )
  expect(clock.latest).toEqual(stamp(1_500, 1))
})

test('receive() with maxDriftMs Infinity accepts any stamp', () => {
  const { clock } = clockAt(0, { maxDriftMs: Infinity })
  expect(clock.receive(stamp(HLC_MAX_MS - 1, 0, 'peer')).ms).toBe(HLC_MAX_MS - 1)
})

test('a clock made with `latest` continues above it', () => {
  const before = clockAt(9_000).clock.now()
  const after = new HybridLogicalClock({ node: 'me', now: () => 3, latest: before })
  expect(compareHlc(after.now(), before)).toBeGreaterThan(0)
})

test('wrong options and stamps are refused', () => {
  expect(() => new HybridLogicalClock({ node: '' })).toThrow(TypeError)
  expect(() => new HybridLogicalClock({ node: 'a', maxDriftMs: -1 })).toThrow(RangeError)
  expect(() => new HybridLogicalClock({ node: 'a', maxDriftMs: Number.NaN })).toThrow(RangeError)
  expect(() => clockAt(0).clock.receive(stamp(1, 70_000, 'peer'))).toThrow(RangeError)
})

test('the default wall clock is the machine’s', () => {
  const before = Date.now()
  const { ms } = new HybridLogicalClock({ node: 'a' }).now()
  expect(ms).toBeGreaterThanOrEqual(before)
  expect(ms).toBeLessThanOrEqual(Date.now())
})

test('the encodings of one stamp', () => {
  const at = stamp(0x018c_c251_f400, 0xab, 'eu-1')
  expect(hlcToString(at)).toBe('018cc251f400-00ab-eu-1')
  expect(Buffer.from(hlcToBytes(at)).toString('hex')).toBe('018cc251f40000ab')
  expect(hlcToBigInt(at)).toBe(0x018c_c251_f400_00abn)
  expect(hlcFromString('018cc251f400-00ab-eu-1')).toEqual(at)
  expect(hlcFromBytes(hlcToBytes(at), 'eu-1')).toEqual(at)
  expect(hlcFromBigInt(hlcToBigInt(at), 'eu-1')).toEqual(at)
})

test.each([
  '',
  '018cc251f400-00ab-',
  '018cc251f400-00ab',
  '18cc251f400-00ab-a',
  '018CC251F400-00AB-a',
  '018cc251f400-00ab-\ud800',
])('hlcFromString() refuses %j', (text) => {
  expect(() => hlcFromString(text)).toThrow(DecodeError)
})

test('hlcFromBytes() and hlcFromBigInt() refuse a wrong size', () => {
  expect(() => hlcFromBytes(new Uint8Array(7), 'a')).toThrow(DecodeError)
  expect(() => hlcFromBigInt(-1n, 'a')).toThrow(DecodeError)
  expect(() => hlcFromBigInt(1n << 64n, 'a')).toThrow(DecodeError)
})

test('isHlcTimestamp() judges what came as JSON', () => {
  expect(isHlcTimestamp({ ms: 1, counter: 0, node: 'a' })).toBe(true)
  for (const value of [null, 1, {}, { ms: -1, counter: 0, node: 'a' }, { ms: 1, counter: 0.5, node: 'a' }]) {
    expect(isHlcTimestamp(value)).toBe(false)
  }
})

test('a clock without options, or without a name, says what it wants', () => {
  const wrong: unknown[] = [undefined, null, {}]
  for (const options of wrong) {
    expect(() => new HybridLogicalClock(options as HybridLogicalClockOptions)).toThrow(
      new TypeError('node must be a non-empty well-formed string, got undefined'),
    )
  }
})
