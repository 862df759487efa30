// Random histories of concurrent clients over slow, failing replicas on a virtual clock, checked against
// the definition of a linearizable register by trying all orders.
import { type Random, seededRandom, VirtualClock } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quorum, type QuorumReplica } from './index.ts'
import { memoryReplica } from './memory/index.ts'

interface Op {
  readonly type: 'read' | 'write'
  readonly value: number | undefined
  readonly startMs: number
  /** Infinity for a write whose outcome is unknown: it may happen at any later time, or never. */
  readonly endMs: number
}

/** Calls take 1 to 5 ms there and back, one in five up to 100; some are lost on the way there, some on the way back. */
function slow(replica: QuorumReplica<number>, clock: VirtualClock, random: Random): QuorumReplica<number> {
  const latencyMs = (): number => 1 + Math.floor(random() * (random() < 0.2 ? 100 : 5))
  const trip = async <A>(call: () => Promise<A>): Promise<A> => {
    await clock.sleep(latencyMs())
    if (random() < 0.05) throw new Error('lost on the way there')
    const answer = await call()
    await clock.sleep(latencyMs())
    if (random() < 0.05) throw new Error('lost on the way back')
    return answer
  }
  return {
    id: replica.id,
    get: (key) => trip(() => replica.get(key)),
    putIfNewer: (key, record) => trip(() => replica.putIfNewer(key, record)),
  }
}

/** Three clients, each with a wall clock of its own, do four operations each. */
async function history(seed: number, writeBack: boolean): Promise<Op[]> {
  const clock = new VirtualClock()
  const random = seededRandom(seed)
  const stores = ['a', 'b', 'c'].map((id) => memoryReplica<number>({ id }))
  const ops: Op[] = []
  let value = 0
  const client = async (index: number): Promise<void> => {
    const skewMs = Math.floor(random() * 400) - 200
    const own = quorum<number>({
      replicas: stores.map((store) => slow(store, clock, random)),
      w: 2,
      r: 2,
      deadlineMs: 200,
      readRepair: 'off',
      clock: {
        now: () => clock.now() + skewMs,
        monotonic: () => clock.monotonic(),
        sleep: (ms, options) => clock.sleep(ms, options),
      },
      writer: `w${index}`,
    })
    for (let i = 0; i < 4; i++) {
      await clock.sleep(Math.floor(random() * 20))
      const startMs = clock.monotonic()
      if (random() < 0.35) {
        const written = ++value
        const outcome = await own.write('k', written, { consistency: 'linearizable' }).catch(() => undefined)
        if (outcome === undefined) continue
        const endMs = outcome.status === 'ok' ? clock.monotonic() : Infinity
        ops.push({ type: 'write', value: written, startMs, endMs })
      } else {
        const consistency = writeBack ? 'linearizable' : 'QUORUM'
        const result = await own.read('k', { consistency }).catch(() => undefined)
        if (result === undefined) continue
        ops.push({ type: 'read', value: result.value, startMs, endMs: clock.monotonic() })
      }
    }
    await own.stop()
  }
  const clients = Promise.all([0, 1, 2].map(client))
  const state = { running: true }
  const ended = clients.finally(() => (state.running = false))
  while (state.running) await clock.advance(10)
  await ended
  return ops
}

/** Is there an order that keeps real time and in which each read gives the last write? */
function isLinearizable(ops: readonly Op[], current?: number): boolean {
  if (ops.every(({ endMs }) => endMs === Infinity)) return true
  const firstEndMs = Math.min(...ops.map(({ endMs }) => endMs))
  return ops.some((op) => {
    if (op.startMs > firstEndMs) return false
    if (op.type === 'read' && op.value !== current) return false
    return isLinearizable(
      ops.filter((other) => other !== op),
      op.type === 'write' ? op.value : current,
    )
  })
}

test('the checker knows a register from none', () => {
  const op = (type: Op['type'], value: number | undefined, startMs: number, endMs: number): Op => ({
    type,
    value,
    startMs,
    endMs,
  })
  expect(isLinearizable([op('write', 1, 0, 10), op('read', 1, 5, 6), op('read', 1, 7, 8)])).toBe(true)
  expect(isLinearizable([op('write', 1, 0, 10), op('read', 1, 5, 6), op('read', undefined, 7, 8)])).toBe(
    false,
  )
  expect(
    isLinearizable([op('write', 1, 0, Infinity), op('read', undefined, 5, 6), op('read', 1, 7, 8)]),
  ).toBe(true)
  expect(isLinearizable([op('write', 1, 0, 1), op('write', 2, 2, 3), op('read', 1, 4, 5)])).toBe(false)
})

test('linearizable reads and writes are, whatever the latencies, losses and clocks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      expect(isLinearizable(await history(seed, true))).toBe(true)
    }),
    { numRuns: 400 },
  )
})

test('the same histories without write-back are not always: the check can fail', async () => {
  const found: number[] = []
  for (let seed = 0; seed < 400 && found.length === 0; seed++) {
    if (!isLinearizable(await history(seed, false))) found.push(seed)
  }
  expect(found.length).toBe(1)
})
