/**
 * The next token: above the previous one, and at least the store's time in µs, so that tokens go on
 * growing when the store forgets the previous one (a lost key, a failover without the latest writes).
 * µs since 1970 stay below 2^53 until the year 2255.
 *
 * @param previous the last token given out for the key, 0 if unknown.
 * @param nowMs wall time of the store.
 */
export function nextToken(previous: number, nowMs: number): number {
  return Math.max(previous + 1, Math.floor(nowMs * 1_000))
}
