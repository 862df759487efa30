import type { Clock } from '@quorate/core'
import {
  HLC_MAX_COUNTER,
  hlcFromString,
  type HlcTimestamp,
  hlcToString,
  HybridLogicalClock,
} from '@quorate/vector-clock'
import type { Tag } from './replica.ts'

const WRITER = /^[\w.:-]{1,64}$/
const TAG = /^[\da-f]{12}-[\da-f]{4}-[\w.:-]{1,96}$/

/** -1, 0 or 1; `undefined` is older than any tag. Texts are ASCII, so every store orders them alike. */
export function compareTags<T extends Tag>(a: T | undefined, b: T | undefined): number {
  if (a === b) return 0
  if (a === undefined) return -1
  return b === undefined || a > b ? 1 : -1
}

/** True for a tag as a {@link Tagger} makes it. */
export const isWrittenTag = (tag: unknown): tag is string => typeof tag === 'string' && TAG.test(tag)

/**
 * Makes the tags of a writer: hybrid time, then the writer's name and the number of the write. The
 * number makes every tag unique even if the clock gives one time twice, so that no tag ever stands for
 * two writes.
 */
export class Tagger {
  readonly #writer: string
  readonly #clock: HybridLogicalClock
  #writes = 0

  /** @throws RangeError for a writer that is not 1 to 64 letters, digits and `_ . : -`. */
  constructor(writer: string, clock: Clock) {
    if (!WRITER.test(writer)) {
      throw new RangeError(
        `writer must be 1 to 64 letters, digits, _ . : or -, got ${JSON.stringify(writer)}`,
      )
    }
    this.#writer = writer
    this.#clock = new HybridLogicalClock({ node: writer, now: () => clock.now() })
  }

  /** A tag greater than all this writer made or saw, and than `above`. */
  next(above?: Tag): string {
    const now = this.#clock.now()
    const node = `${this.#writer}.${(this.#writes++).toString(36)}`
    const floor = isWrittenTag(above) ? after(hlcFromString(above)) : now
    const ahead = floor.ms > now.ms || (floor.ms === now.ms && floor.counter > now.counter)
    const { ms, counter } = ahead ? floor : now
    return hlcToString({ ms, counter, node })
  }

  /** Takes note of a tag that was read, so that a write that follows is greater. */
  saw(tag: Tag): void {
    if (!isWrittenTag(tag)) return
    try {
      this.#clock.receive(hlcFromString(tag))
    } catch {
      // Too far ahead of this clock: one wrong wall clock must not drag this one along.
    }
  }
}

function after({ ms, counter, node }: HlcTimestamp): HlcTimestamp {
  return counter < HLC_MAX_COUNTER ? { ms, counter: counter + 1, node } : { ms: ms + 1, counter: 0, node }
}
