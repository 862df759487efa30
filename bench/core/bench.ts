// Placement of keys: weighted rendezvous hashing against consistent-hash rings, and how even each is.
import { createRequire } from 'node:module'
import { rendezvous, retry, seededRandom } from '@quorate/core'
import { bench, timed, type Case } from '../harness/index.ts'

const require = createRequire(import.meta.url)
type Ring = { get(key: string): string }
const HashRing = require('hashring') as new (nodes: string[] | Record<string, number>) => Ring
const ConsistentHashing = require('consistent-hashing') as new (nodes: string[]) => {
  getNode(key: string): string
}
const selectByRendezvous = require('rendezvous-hash') as (
  key: string,
  nodes: Record<string, string>,
) => string

// More keys than hashring's cache of 5,000 answers holds, as in any service worth sharding.
const keys = Array.from({ length: 131_072 }, (_, index) => `user-${index}`)
const keyAt = (index: number): string => keys[index & (keys.length - 1)] ?? ''

const SLOW = 'consistent-hashing'

function contestants(count: number): { name: string; pick: (key: string) => string | undefined }[] {
  const ids = Array.from({ length: count }, (_, index) => `10.0.0.${index}:6379`)
  const ours = rendezvous(ids.map((id) => ({ id })))
  const ring = new HashRing(ids)
  // Takes 0.3 ms per lookup at 16 nodes and grows with their number: only where it ends in time.
  const other = count <= 16 ? new ConsistentHashing(ids) : undefined
  const shards = Object.fromEntries(ids.map((id) => [id, id]))
  return [
    { name: 'quorate', pick: (key) => ours.pick(key)?.id },
    { name: 'hashring', pick: (key) => ring.get(key) },
    ...(other === undefined ? [] : [{ name: SLOW, pick: (key: string) => other.getNode(key) }]),
    { name: 'rendezvous-hash (md5)', pick: (key) => selectByRendezvous(key, shards) },
  ]
}

function speed(count: number): Case[] {
  return contestants(count).map(({ name, pick }) => {
    const round = timed('ns', (index) => pick(keyAt(index)), 100)
    return {
      name,
      round: () => {
        const ns = round()['ns'] ?? Number.NaN
        return { 'per lookup': ns, lookups: 1e3 / ns }
      },
    }
  })
}

/** How far the fullest of 16 nodes is above its fair share, and chi-square per degree of freedom (1 = chance). */
function evenness(): Case[] {
  const fast = contestants(16).filter(({ name }) => name !== SLOW)
  return fast.map(({ name, pick }) => ({
    name,
    round: () => {
      const counts = new Map<string | undefined, number>()
      for (const key of keys) {
        const node = pick(key)
        counts.set(node, (counts.get(node) ?? 0) + 1)
      }
      const fair = keys.length / 16
      const fullest = Math.max(...counts.values())
      let chiSquare = (16 - counts.size) * fair
      for (const count of counts.values()) chiSquare += (count - fair) ** 2 / fair
      return { 'fullest node': (fullest / fair - 1) * 100, 'chi-square / df': chiSquare / 15 }
    },
  }))
}

const weighted = Array.from({ length: 16 }, (_, index) => ({
  id: `10.0.0.${index}:6379`,
  weight: 1 + (index % 4),
}))
const ours = rendezvous(weighted)
const ring = new HashRing(Object.fromEntries(weighted.map(({ id, weight }) => [id, weight])))
const random = seededRandom('bench')

await bench({
  workload: '131,072 keys "user-N" over nodes "10.0.0.N:6379", no repeats within 131,072 lookups',
  groups: [
    ...[3, 16, 100].map((count) => ({
      title: `${count} nodes`,
      units: { 'per lookup': 'ns', lookups: 'million/s' },
      cases: speed(count),
    })),
    {
      title: '16 nodes of weight 1 to 4',
      units: { 'per lookup': 'ns' },
      cases: [
        { name: 'quorate', round: timed('per lookup', (index) => ours.pick(keyAt(index)), 100) },
        { name: 'hashring', round: timed('per lookup', (index) => ring.get(keyAt(index)), 100) },
      ],
    },
    {
      title: 'evenness',
      units: { 'fullest node': '% above fair', 'chi-square / df': '1 = chance' },
      cases: evenness(),
    },
    {
      title: 'smaller things',
      units: { 'per call': 'ns' },
      cases: [
        { name: 'seededRandom()', round: timed('per call', () => random(), 50) },
        { name: 'Math.random()', round: timed('per call', () => Math.random(), 50) },
        { name: 'ours.rank(), 16 nodes', round: timed('per call', (index) => ours.rank(keyAt(index)), 50) },
      ],
    },
    {
      title: 'a call that succeeds at once',
      units: { 'per call': 'ns' },
      cases: [
        { name: 'retry()', round: () => awaited((): Promise<number> => retry(async () => 1)) },
        { name: 'without', round: () => awaited(async () => 1) },
      ],
    },
  ],
  ratios: (value) => ({
    ...Object.fromEntries(
      [3, 16, 100].map((count) => [
        `lookups/s, ${count} nodes: quorate / hashring`,
        value('quorate', 'lookups', `${count} nodes`) / value('hashring', 'lookups', `${count} nodes`),
      ]),
    ),
    'lookups/s, 16 weighted nodes: quorate / hashring':
      value('hashring', 'per lookup', '16 nodes of weight 1 to 4') /
      value('quorate', 'per lookup', '16 nodes of weight 1 to 4'),
  }),
})

async function awaited(operation: () => Promise<unknown>): Promise<{ 'per call': number }> {
  const calls = 20_000
  const start = process.hrtime.bigint()
  for (let call = 0; call < calls; call++) await operation()
  return { 'per call': Number(process.hrtime.bigint() - start) / calls }
}
