// Five replicas in a ring, each synced with two, in the simulator: messages get lost, come twice and out of order, links are cut,
// nodes pause, crash and come back with what their disk kept. They end with equal bytes, nothing acknowledged is lost, and
// nobody sends anything any more. More seeds, about 10 ms each: QUORATE_SEEDS=10000. A failure prints the line that repeats it.
import { type Env, explore, group, type NodeId, type Scenario, simulate } from '@quorate/chaos/sim'
import { expect, test } from 'vitest'
import { type Cart, createCart } from '../index.ts'
import { syncOver, type SyncedDocument } from './index.ts'

const SEEDS = Number(process.env['QUORATE_SEEDS'] ?? 3_000)
const EDITS = 8

interface Device {
  readonly cart: Cart
  add(sku: string): Promise<void>
}
type Call = { readonly sku: string }

/** What is planted, so that the test can show that it would be found. */
interface Mistake {
  /** Lost messages are not sent again. */
  readonly neverTick?: boolean
  /** A message counts as delivered when it is sent: later loss is not noticed. */
  readonly eatAcks?: boolean
}

function scenario(mistake: Mistake = {}): Scenario<Device, Call, void> {
  // Of all clocks, which are right here.
  let firstSentMs: number | undefined
  let lastSentMs = 0

  async function device(env: Env): Promise<Device> {
    // Only its own edits are on the disk: the others are where they came from. A new life has a new name.
    const cart = createCart({ replica: `${env.id}.${env.restarts}` })
    // A crash can tear the last record in two, so each has a beginning and an end.
    for (const [, record = ''] of ((await env.disk.read('log')) ?? '').matchAll(/<([0-9a-f]*)>/g)) {
      cart.merge(Uint8Array.from(Buffer.from(record, 'hex')))
    }
    const listeners = new Map<NodeId, (bytes: Uint8Array) => void>()
    env.onMessage<Uint8Array>((bytes, from) => listeners.get(from)?.(bytes))

    const shared = new Map<NodeId, SyncedDocument>()
    // A ring: what one makes comes to those across through others.
    const { clients } = env
    const at = clients.indexOf(env.id)
    for (const step of [1, clients.length - 1]) {
      const peer = clients[(at + step) % clients.length] as NodeId
      const channel = {
        send: (bytes: Uint8Array) => {
          firstSentMs ??= env.now()
          lastSentMs = Math.max(lastSentMs, env.now() - firstSentMs)
          env.send(peer, bytes)
        },
        onMessage: (listener: (bytes: Uint8Array) => void) => {
          listeners.set(peer, (bytes) => {
            if (mistake.eatAcks !== true || bytes[1] !== 2) listener(bytes)
          })
        },
      }
      const sync = syncOver(channel, {
        tickMs: mistake.neverTick === true ? 100_000 : 15,
        maxTickMs: mistake.neverTick === true ? 100_000 : 120,
        maxSilence: 12,
        maxMessageBytes: 1_024,
        clock: env,
        random: env.random,
      })
      const onMerge = (): void => {
        for (const [other, document] of shared) if (other !== peer) document.push()
      }
      shared.set(peer, sync.open('cart', cart, { onMerge }))
    }
    return {
      cart,
      add: async (sku) => {
        const delta = cart.add(sku)
        await env.disk.append('log', `<${Buffer.from(delta.encode()).toString('hex')}>`)
        await env.disk.fsync('log')
        for (const document of shared.values()) document.push()
      },
    }
  }

  return {
    name: 'sync',
    clients: group('r', 5, device),
    workload: ({ random, clients }) => {
      firstSentMs = undefined
      lastSentMs = 0
      return Array.from({ length: EDITS }, (_, index) => ({
        on: clients[Math.floor(random() * clients.length)] ?? 'r1',
        afterMs: Math.floor(random() * 60),
        call: { sku: `sku-${index}` },
      }))
    },
    perform: (own, { sku }) => own.add(sku),
    // As many ticks as a peer that is gone gets, and more.
    settleMs: 1_800,
    check: ({ apis, history, stats }) => {
      const carts = Object.values(apis).flatMap((api) => (api === undefined ? [] : [api.cart]))
      const [first] = carts
      if (first === undefined || carts.length < 5) return 'a replica is missing'
      const bytes = Buffer.from(first.encode())
      for (const cart of carts) {
        if (!bytes.equals(cart.encode())) {
          return `replicas differ: ${JSON.stringify(first)} and ${JSON.stringify(cart)}`
        }
      }
      for (const { call, status } of history) {
        const quantity = first.quantity(call.sku)
        if (status === 'ok' ? quantity !== 1 : quantity > 1) return `${call.sku} is there ${quantity} times`
      }
      return lastSentMs > stats.virtualMs - 200
        ? `a message was sent at ${lastSentMs} of ${stats.virtualMs} ms`
        : undefined
    },
    faults: {
      max: 6,
      withinMs: 300,
      forMs: [5, 150],
      kinds: ['cut', 'crash', 'loss', 'duplicate', 'delay', 'pause'],
    },
  }
}

test(`${SEEDS} seeds: five replicas converge, keep what was acknowledged, and fall silent`, async () => {
  const { faults } = await simulate(scenario(), { seeds: SEEDS })
  expect(faults).toBeGreaterThan(SEEDS)
}, 300_000)

test.each<[string, Mistake]>([
  ['nothing is sent again', { neverTick: true }],
  ['nothing is acknowledged', { eatAcks: true }],
])('a mistake that must be found: %s', async (_, mistake) => {
  const { failure } = await explore(scenario(mistake), { seeds: 300, shrink: false })
  expect(failure?.kind).toBe('check')
})
