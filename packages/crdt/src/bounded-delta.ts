import { DecodeError } from '@quorate/vector-clock'
import {
  type BoundedCounterJson,
  type BoundedState,
  boundedToJSON,
  decodeBounded,
  encodeBounded,
} from './bounded-codec.ts'
import { type BoundedRows, type Bounds, joinRows, sameBounds } from './bounded-rows.ts'
import { checkSource, type Delta, type MergeSource } from './crdt.ts'

/** An edit of a bounded counter, or several. */
export type BoundedCounterDelta = Delta<'bounded-counter'>

const TYPE = 'bounded-counter'

/** The delta of a bounded counter: rows, with the bounds they are of. */
export class BoundedDelta implements BoundedCounterDelta {
  readonly type: 'bounded-counter' = TYPE
  readonly #state: BoundedState

  constructor(state: BoundedState) {
    this.#state = state
  }

  get isEmpty(): boolean {
    return this.#state.rows.size === 0
  }

  merge(other: BoundedCounterDelta): BoundedCounterDelta {
    const { bounds, rows } = this.#state
    const both = new Map(rows)
    joinRows(both, readRows(other, bounds))
    return new BoundedDelta({ bounds, rows: both })
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeBounded(this.#state)
  }

  toJSON(): BoundedCounterJson {
    return boundedToJSON(this.#state)
  }

  static read(source: object): BoundedState | undefined {
    return #state in source ? source.#state : undefined
  }
}

/**
 * The rows of a source.
 *
 * @param stateOf gives the state of a counter of this copy of the package; of those of others there are the bytes.
 * @throws TypeError for another type or other bounds; DecodeError for bytes of them.
 */
export function readRows(
  source: MergeSource<'bounded-counter'>,
  mine: Bounds,
  stateOf?: (source: object) => BoundedState | undefined,
): BoundedRows {
  const isBytes = source instanceof Uint8Array
  if (!isBytes) checkSource(TYPE, source)
  const { bounds, rows } = isBytes
    ? decodeBounded(source)
    : (BoundedDelta.read(source) ?? stateOf?.(source) ?? decodeBounded(source.encode()))
  if (sameBounds(mine, bounds)) return rows
  if (isBytes) throw new DecodeError(TYPE, 'its bounds are others')
  throw new TypeError(
    `Cannot merge into a ${TYPE} from ${describe(mine)}: the source goes from ${describe(bounds)}; make all replicas with the same bounds`,
  )
}

const describe = ({ minimum, maximum = Infinity }: Bounds): string => `${minimum} to ${maximum}`
