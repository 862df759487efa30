import type { Dot } from './dot.ts'
import type { HlcTimestamp } from './hlc-timestamp.ts'

/** The brand of `@quorate/core`, so that its `isQuorateError` knows these errors without a dependency. */
const BRAND = /* @__PURE__ */ Symbol.for('quorate.error')

/**
 * Bytes, text or JSON from outside are not what they should be, or of a format that this version does not know;
 * nothing was applied. Drop them, and check who sent them, with which version.
 */
export class DecodeError extends Error {
  readonly code = 'QUORATE_DECODE'
  readonly outcome = 'not-applied'
  /** What was being decoded, for example `version vector`. */
  declare readonly what: string
  /** The byte at which decoding stopped; `undefined` for text and JSON. */
  declare readonly offset: number | undefined

  constructor(what: string, reason: string, offset?: number) {
    const at = offset === undefined ? '' : ` at byte ${offset}`
    super(`Cannot decode a ${what}: ${reason}${at}; drop it, check who sent it`)
    brand(this, 'DecodeError', { what, offset })
  }
}

/** A received stamp is further ahead of the wall clock than allowed; the clock is unchanged. */
export class ClockDriftError extends Error {
  readonly code = 'QUORATE_CLOCK_DRIFT'
  readonly outcome = 'not-applied'
  /** The stamp that was refused. */
  declare readonly remote: HlcTimestamp
  /** How far it is ahead of this node's wall clock, ms. */
  declare readonly driftMs: number
  declare readonly maxDriftMs: number

  constructor(remote: HlcTimestamp, driftMs: number, maxDriftMs: number) {
    super(
      `Cannot receive a stamp that is ${driftMs} ms ahead, at most ${maxDriftMs} is allowed; ` +
        `set the clock of ${remote.node}`,
    )
    brand(this, 'ClockDriftError', { remote, driftMs, maxDriftMs })
  }
}

/**
 * A received stamp bears the node id of the clock that received it, and is above all that this clock issued:
 * somebody else issues stamps under its name, or it was started without its `latest`. Nothing was applied. Give
 * each process an id of its own (a UUID made at start will do), and store what the clock needs for a restart.
 */
export class DuplicateNodeError extends Error {
  readonly code = 'QUORATE_CLOCK_DUPLICATE_NODE'
  readonly outcome = 'not-applied'
  /** The id that two clocks use. */
  declare readonly node: string
  /** The stamp that was refused. */
  declare readonly remote: HlcTimestamp | Dot

  constructor(remote: HlcTimestamp | Dot) {
    super(
      `Cannot receive a stamp of ${remote.node}, which is this clock, that it did not issue; ` +
        'give each clock its own id, and its latest stamp after a restart',
    )
    brand(this, 'DuplicateNodeError', { node: remote.node, remote })
  }
}

/**
 * Marks an error as one that `isQuorateError` of `@quorate/core` knows, and gives it its name and facts.
 *
 * @internal
 */
export function brand(error: Error, name: string, facts: object): void {
  Object.defineProperty(Object.assign(error, { name }, facts), BRAND, { value: true })
}

/**
 * The entries of a JSON object. @throws DecodeError if it is something else.
 *
 * @internal
 */
export function entriesOf(json: unknown, what: string): [string, unknown][] {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return Object.entries(json)
  throw new DecodeError(what, 'it is not an object')
}

/**
 * @throws TypeError that says what an argument should be; `type` has a `fromJSON`.
 *
 * @internal
 */
export function wrongType(what: string, type: string, value: unknown): never {
  throw new TypeError(`${what} must be a ${type}, got ${typeOf(value)}; make one with ${type}.fromJSON`)
}

/** What is there instead: not the value, which may be long, or secret. */
export const typeOf = (value: unknown): string => (value === null ? 'null' : typeof value)

/** @throws DecodeError that names the entry. */
export function badEntry(what: string, key: string): never {
  throw new DecodeError(what, `its entry ${JSON.stringify(key)} is not valid`)
}
