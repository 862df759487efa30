import { brand } from '../errors.ts'

/**
 * A baggage header with one member more would pass what every platform must pass on: 64 members, 8,192 bytes. The
 * header that came in is still good, without the member. Send the member in a header of its own, drop other
 * members, or let fewer nodes write.
 */
export class BaggageLimitError extends Error {
  readonly code = 'QUORATE_BAGGAGE_LIMIT'
  readonly outcome = 'not-applied'
  /** Key of the member that was to be set. */
  declare readonly key: string
  /** What there would have been. */
  declare readonly members: number
  declare readonly bytes: number

  constructor(key: string, members: number, bytes: number) {
    super(
      `Cannot set ${key} in the baggage: ${members} members of ${bytes} bytes in all, at most 64 of 8192 bytes are ` +
        'sure to arrive; send it in a header of its own',
    )
    brand(this, 'BaggageLimitError', { key, members, bytes })
  }
}
