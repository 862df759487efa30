import { seededRandom } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dial, Target } from '../test/sockets.ts'
import { createChaos, type Directions, type Link } from './index.ts'

type Step =
  | { readonly do: 'send' | 'answer'; readonly bytes: number }
  | { readonly do: 'latency'; readonly ms: number; readonly jitterMs: number; readonly direction: Directions }
  | { readonly do: 'bandwidth'; readonly bytesPerSecond: number; readonly per: 'link' | 'connection' }
  | { readonly do: 'slice'; readonly bytes: number; readonly delayMs: number }
  | { readonly do: 'partition'; readonly direction: Directions }
  | { readonly do: 'cut'; readonly direction: Directions }
  | { readonly do: 'turn' | 'heal' | 'healRegions' }

const directions = fc.constantFrom<Directions>('to', 'from', 'both')
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom('send', 'answer'),
        bytes: fc.integer({ min: 1, max: 200_000 }),
      }),
    },
    fc.record({ do: fc.constant('latency'), ms: fc.nat(8), jitterMs: fc.nat(8), direction: directions }),
    fc.record({
      do: fc.constant('bandwidth'),
      bytesPerSecond: fc.integer({ min: 50_000, max: 50_000_000 }),
      per: fc.constantFrom('link', 'connection'),
    }),
    fc.record({ do: fc.constant('slice'), bytes: fc.integer({ min: 100, max: 70_000 }), delayMs: fc.nat(2) }),
    fc.record({ do: fc.constant('partition'), direction: directions }),
    fc.record({ do: fc.constant('cut'), direction: directions }),
    fc.record({ do: fc.constantFrom('turn', 'heal', 'healRegions') }),
  ) as fc.Arbitrary<Step>,
  { maxLength: 25, size: 'max' },
)

const bytesOf = (seed: number, length: number): Buffer => {
  const random = seededRandom(seed)
  return Buffer.from(Uint8Array.from({ length }, () => random() * 256))
}

test('bytes through any sequence of faults and heals without a reset arrive exact and in order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), async (script, seed) => {
      await using target = await Target.open()
      await using chaos = createChaos({ seed })
      const link: Link = await chaos.link({
        from: 'us',
        to: 'eu',
        target: { port: target.port },
        maxHeldBytes: 100_000,
      })
      const client = await dial(link.port)
      const sent: Buffer[] = []
      const answered: Buffer[] = []
      const early: Buffer[] = []
      const server = target.peer()
      for (const step of script) {
        switch (step.do) {
          case 'send':
            sent.push(bytesOf(seed + sent.length, step.bytes))
            client.socket.write(sent.at(-1) as Buffer)
            break
          case 'answer':
            answered.push(bytesOf(seed - answered.length, step.bytes))
            early.push(answered.at(-1) as Buffer)
            void server.then(({ socket }) => socket.write(early.shift() as Buffer))
            break
          case 'latency':
            await link.latency(step)
            break
          case 'bandwidth':
            await link.bandwidth(step)
            break
          case 'slice':
            await link.slice(step)
            break
          case 'partition':
            await link.partition({ direction: step.direction })
            break
          case 'cut':
            await chaos.cut('eu', 'us', { direction: step.direction })
            break
          case 'heal':
            await link.heal()
            break
          case 'healRegions':
            await chaos.heal('us', 'eu')
            break
          case 'turn':
            await new Promise((resolve) => setImmediate(resolve))
            break
          default:
            step satisfies never
        }
      }
      await chaos.heal()
      const { socket } = await server
      client.socket.end()
      socket.end()
      const peer = await target.peer()
      await Promise.all([peer.until(() => peer.ended), client.until(() => client.ended)])
      expect(peer.bytes.equals(Buffer.concat(sent))).toBe(true)
      expect(client.bytes.equals(Buffer.concat(answered))).toBe(true)
    }),
    { numRuns: 40 },
  )
}, 60_000)

test('a reset never adds, changes or reorders bytes: what arrived is a beginning of what was sent', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 300_000 }), fc.nat(), async (resetAfter, seed) => {
      await using target = await Target.open()
      await using chaos = createChaos({ seed })
      const link = await chaos.link({
        from: 'a',
        to: 'b',
        target: { port: target.port },
        faults: { resetAfter: { bytes: resetAfter, direction: 'to' }, latency: { ms: 1, jitterMs: 1 } },
      })
      const client = await dial(link.port)
      const sent = bytesOf(seed, 400_000)
      client.socket.write(sent)
      await client.until(() => client.closed)
      if (resetAfter === 0) return
      const peer = await target.peer()
      await peer.until(() => peer.closed)
      expect(peer.length).toBeLessThanOrEqual(resetAfter)
      expect(sent.subarray(0, peer.length).equals(peer.bytes)).toBe(true)
    }),
    { numRuns: 30 },
  )
}, 60_000)
