// What runs in the process of one library: `prepare` loads it and sets up one workload.
import type { Sample } from '../harness/index.ts'
import type { Maker, Peer, PeerKind } from './peers/peer.ts'
import type { TraceName } from './traces.ts'
import { almostEqualSets, largeSet, smallSet } from './workloads/sets.ts'
import { cart, counter, map } from './workloads/small.ts'
import { applyText, receiveConcurrent, sendText } from './workloads/text.ts'

/** The files in peers/. */
export type PeerName =
  | 'automerge'
  | 'collabs'
  | 'delta-crdts'
  | 'diamond-types'
  | 'floor'
  | 'json-joy'
  | 'loro'
  | 'quorate'
  | 'yjs'

/** Libraries in WebAssembly. */
export const WASM: readonly PeerName[] = ['automerge', 'diamond-types', 'loro']

/** The workloads, each with what it is told after its name. */
export type Task =
  | readonly ['apply text' | 'receive concurrent text', TraceName]
  | readonly ['send text', TraceName, edits?: string]
  | readonly ['small set' | 'large set' | 'almost equal sets' | 'counter' | 'map' | 'cart']

/** Loads the library and gives the round of the task. */
export async function prepare(name: PeerName, ...task: string[]): Promise<(round: number) => Sample> {
  const { peer } = (await import(`./peers/${name}.ts`)) as { peer: Peer }
  const isFloor = name === 'floor'
  const [what, trace, edits] = task as [Task[0], TraceName, string?]
  switch (what) {
    case 'apply text':
      return applyText(has(peer.text), trace, kindOf(name))
    case 'send text':
      return sendText(has(peer.text), trace, edits === undefined ? edits : Number(edits))
    case 'receive concurrent text':
      return receiveConcurrent(has(peer.text), trace)
    case 'small set':
      return smallSet(has(peer.set), isFloor)
    case 'large set':
      return largeSet(has(peer.set), isFloor)
    case 'almost equal sets':
      return almostEqualSets(has(peer.set))
    case 'counter':
      return counter(has(peer.counter), isFloor)
    case 'map':
      return map(has(peer.map), isFloor)
    case 'cart':
      return cart(has(peer.cart), isFloor)
    default:
      throw new RangeError(`There is no workload ${String(what satisfies never)}`)
  }
}

function kindOf(name: PeerName): PeerKind {
  if (name === 'floor') return 'floor'
  return WASM.includes(name) ? 'wasm' : 'javascript'
}

function has<C>(maker: Maker<C> | undefined): Maker<C> {
  if (maker === undefined) throw new RangeError('The library has nothing of that kind')
  return maker
}
