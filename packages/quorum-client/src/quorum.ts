import { checkNames, systemClock, systemRandom } from '@quorate/core'
import { levelCount } from './level.ts'
import { Members } from './members.ts'
import { type Context, QuorumClient } from './client.ts'
import { isWritable, type Tag } from './replica.ts'
import { Tagger } from './tags.ts'
import type { Quorum, QuorumOptions, QuorumReader, QuorumReaderOptions } from './types.ts'

/**
 * A client of N replicas that waits for W of them when it writes and for R when it reads.
 *
 * @throws RangeError or TypeError for wrong options.
 *
 * @example
 * ```ts
 * await using stock = quorum<number>({ replicas: [us, eu, ap], w: 2, r: 2 })
 * await stock.write('sku-1', 47)
 * const { value } = await stock.read('sku-1')
 * ```
 */
export function quorum<V>(options: QuorumOptions<V>): Quorum<V>
/**
 * A client that only reads: its replicas are brought up to date by others, for example by streaming
 * replication, and their tags come from the data, for example from a version column.
 */
export function quorum<V, T extends Tag = string>(options: QuorumReaderOptions<V, T>): QuorumReader<V, T>
export function quorum<V, T extends Tag>(
  options: QuorumReaderOptions<V, T> & Partial<Pick<QuorumOptions<V>, 'w' | 'writer'>>,
): QuorumReader<V, T> {
  checkOptions(options ?? {})
  const { replicas, deadlineMs = 2_000, clock = systemClock, random = systemRandom } = options
  const members = new Members(replicas, options.n, options.maxInFlight ?? 256)
  if (!(deadlineMs > 0)) throw new RangeError(`deadlineMs must be above 0, got ${deadlineMs}`)
  if (options.w !== undefined && !replicas.every(isWritable)) {
    throw new TypeError('Cannot make a quorum with w: a replica has no putIfNewer; leave out w to only read')
  }
  const writer = options.writer ?? `w${Math.floor(random() * 2 ** 52).toString(36)}`
  const context: Context<V, T> = {
    members,
    r: levelCount('r', options.r ?? 'QUORUM', members.n),
    w: options.w === undefined ? undefined : levelCount('w', options.w, members.n),
    deadlineMs,
    repairs: options.readRepair !== 'off',
    clock,
    tagger: new Tagger(writer, clock),
    onEvent: options.onEvent,
  }
  return new QuorumClient(context)
}

const NAMES = [
  'replicas',
  'n',
  'w',
  'r',
  'deadlineMs',
  'readRepair',
  'maxInFlight',
  'writer',
  'clock',
  'random',
  'onEvent',
]

function checkOptions(options: { readonly replicas?: unknown; readonly readRepair?: unknown }): void {
  const { replicas, readRepair = 'off' } = options
  if (!Array.isArray(replicas)) {
    throw new TypeError('Cannot make a quorum: replicas must be an array, as in { replicas: [us, eu], w: 2 }')
  }
  checkNames('make a quorum', options, NAMES)
  if (readRepair !== 'off' && readRepair !== 'blocking') {
    throw new TypeError(
      `Cannot make a quorum: readRepair must be blocking or off, got ${JSON.stringify(readRepair)}`,
    )
  }
}
