import { type Random, seededRandom } from '@quorate/core'

/** Who draws. Each has a stream of its own, so that one more draw of the network does not shift the disk's. */
export type StreamName = 'workload' | 'faults' | 'network' | 'loss' | `disk/${string}` | `node/${string}`

/** The stream of one subsystem. `salt` varies what happens and leaves alone what was planned. */
export function streamOf(seed: number, name: StreamName, salt = 0): Random {
  return seededRandom(salt === 0 ? `${seed}/${name}` : `${seed}/${name}/${salt}`)
}
