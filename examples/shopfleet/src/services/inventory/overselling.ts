/**
 * The answers to overselling, of which a shop takes one: what happens when more customers want a thing than there
 * are of it.
 *
 * - `lock`: the stock rows are locked, looked at, then changed; everybody else waits meanwhile.
 * - `optimistic`: nothing is locked before the write, and the write itself has the condition; who comes too late is told.
 * - `batch`: who asks while a transaction is under way waits for the next one, which takes them all.
 * - `compensate`: sold first, as long as the shelf was not empty at the last look. The next look finds what was sold
 *   too often; those orders are undone, the newest first, with an apology.
 */
export const OVERSELLING = ['lock', 'optimistic', 'batch', 'compensate'] as const

export type Overselling = (typeof OVERSELLING)[number]

export const DEFAULT_OVERSELLING: Overselling = 'optimistic'
