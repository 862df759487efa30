import { expect, test, vi } from 'vitest'
import { VirtualClock } from './virtual-clock.ts'

const START_MS = 1_704_067_200_000

test('VirtualClock stands still until it is moved', async () => {
  const clock = new VirtualClock()
  expect([clock.now(), clock.monotonic()]).toEqual([START_MS, 0])
  await clock.advance(1_500)
  expect([clock.now(), clock.monotonic()]).toEqual([START_MS + 1_500, 1_500])
})

test('advance() wakes sleepers in order of time, those of one time in the order they came', async () => {
  const clock = new VirtualClock(0)
  const woken: string[] = []
  for (const [name, ms] of [
    ['late', 30],
    ['first', 10],
    ['second', 10],
    ['never', 31],
  ] as const) {
    void clock.sleep(ms).then(() => woken.push(`${name}@${clock.monotonic()}`))
  }
  await clock.advance(30)
  expect(woken).toEqual(['first@10', 'second@10', 'late@30'])
  expect([clock.pending, clock.nextAtMs]).toEqual([1, 31])
})

test('advance() lets a woken sleeper sleep again before a later one wakes', async () => {
  const clock = new VirtualClock(0)
  const woken: number[] = []
  const ticking = (async () => {
    for (let tick = 0; tick < 5; tick++) {
      await clock.sleep(10)
      woken.push(clock.monotonic())
    }
  })()
  void clock.sleep(25).then(() => woken.push(clock.monotonic()))
  await clock.advance(50)
  await ticking
  expect(woken).toEqual([10, 20, 25, 30, 40, 50])
})

test('advance() waits for promise chains of any length', async () => {
  const clock = new VirtualClock(0)
  let done = false
  void (async () => {
    await clock.sleep(1)
    for (let link = 0; link < 1_000; link++) await Promise.resolve()
    await clock.sleep(1)
    done = true
  })()
  await clock.advance(2)
  expect(done).toBe(true)
})

test('two advances at once add up, and time never goes back', async () => {
  const clock = new VirtualClock(0)
  const seen: number[] = []
  void clock.sleep(40).then(() => seen.push(clock.monotonic()))
  void clock.sleep(120).then(() => seen.push(clock.monotonic()))
  await Promise.all([clock.advance(100), clock.advance(50)])
  expect(seen).toEqual([40, 120])
  expect(clock.monotonic()).toBe(150)
})

test('sleep() rejects with the reason of an abort and is then not pending', async () => {
  const clock = new VirtualClock()
  const reason = new Error('caller left')
  await expect(clock.sleep(5, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  const controller = new AbortController()
  const sleeping = clock.sleep(5, { signal: controller.signal })
  expect(clock.pending).toBe(1)
  controller.abort(reason)
  await expect(sleeping).rejects.toBe(reason)
  expect([clock.pending, clock.nextAtMs]).toEqual([0, undefined])
})

test.each([0, -1, Number.NaN])('sleep(%d) wakes with the next advance, even of 0', async (ms) => {
  const clock = new VirtualClock()
  const sleeping = clock.sleep(ms)
  await clock.advance(0)
  await sleeping
  expect(clock.monotonic()).toBe(0)
})

test('jumpWall() moves stamps and no wait', async () => {
  const clock = new VirtualClock(START_MS)
  const sleeping = clock.sleep(100)
  clock.jumpWall(-3_600_000)
  expect([clock.now(), clock.monotonic(), clock.nextAtMs]).toEqual([START_MS - 3_600_000, 0, 100])
  await clock.advance(100)
  await sleeping
})

test.each([-1, Number.NaN, Infinity])('advance(%d) is refused', async (ms) => {
  await expect(new VirtualClock().advance(ms)).rejects.toThrow(RangeError)
})

test('a test that waits while nobody moves the clock is told so, once', async () => {
  const told: string[] = []
  const clock = new VirtualClock(0, { onStuck: (message) => told.push(message) })
  void clock.sleep(250)
  void clock.sleep(500)
  await vi.waitFor(() => expect(told).not.toEqual([]), { timeout: 30_000 })
  expect(told).toEqual([
    'VirtualClock: 2 pending, the next in 250 ms, and nobody has moved the clock in 1000 ms of real time; ' +
      'call advance(), or use systemClock',
  ])
})

test('a stuck clock is reported to the console by default, a moved one is not reported', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const told: string[] = []
  const stuck = new VirtualClock()
  const moved = new VirtualClock(0, { onStuck: (message) => told.push(message) })
  void moved.sleep(1)
  void moved.sleep(2)
  const guarded = new VirtualClock(0, { onStuck: (message) => told.push(message) })
  void guarded.sleep(10_000, { ref: false }) // a deadline, which nobody waits for
  await moved.advance(1)
  void stuck.sleep(7) // all clocks have been slept on for as long when the first is reported
  const warning = expect.stringContaining('1 pending, the next in 7 ms')
  await vi.waitFor(() => expect(warn).toHaveBeenCalledWith(warning), { timeout: 30_000 })
  expect(told).toEqual([])
  warn.mockRestore()
})
