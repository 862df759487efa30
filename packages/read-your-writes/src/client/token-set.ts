/**
 * Which tokens a client holds. A token is opaque here: of two, nobody but the server can tell which is newer. So
 * all are kept and sent until an answer replaces them:
 *
 * - a request carries all that are held when it starts;
 * - the server merges them, so a token in its answer is at least as new as everything the request carried;
 * - that token takes the place of those, and of no others.
 *
 * Answers may come in any order then. Held are at most as many as requests were under way at once, since what was
 * held first goes with the answer of any request that started later.
 */

/**
 * Stands for a token that was issued and not received, or for more than can be carried: the server cannot read
 * it, so it reads from the primary and answers with a token of there, newer than all before.
 */
export const LOST = 'lost'

/** What is held for it: each loss has a mark of its own, as an answer takes away only what its request carried. */
const MARK = /^lost(?:~[\w-]{1,64})?$/

/** @param id that no other loss has, in no tab. */
export const lostMark = (id: string): string => `${LOST}~${id}`

export const isLost = (token: string): boolean => MARK.test(token)

/** More would make the header long; {@link LOST} takes their place. */
export const MAX_TOKENS = 8

/** What is to be done to the tokens that are held. */
export interface TokenChange {
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

/** What came of a request. */
export interface Exchanged {
  /** Tokens that were held when it started. */
  readonly carried: ReadonlySet<string>
  /** Tokens of the answer. */
  readonly answered: readonly string[]
  /** Was there possibly a token that did not arrive? */
  readonly lost: boolean
}

/** What the header says. */
export function headerValue(held: ReadonlySet<string>): string | undefined {
  if ([...held].some(isLost)) return LOST
  return held.size === 0 ? undefined : [...held].join(', ')
}

/**
 * @param held tokens that are held now, which may be others than when the request started.
 * @param newMark for what is lost with this exchange.
 */
export function afterExchange(
  held: ReadonlySet<string>,
  { carried, answered, lost }: Exchanged,
  newMark: string,
): TokenChange {
  const kept = new Set(answered.length === 0 ? held : [...held].filter((token) => !carried.has(token)))
  for (const token of answered) kept.add(token)
  // What is lost was issued before now, as all others were: one read of the primary covers them.
  const next = lost || kept.size > MAX_TOKENS ? new Set([newMark]) : kept
  const remove = [...held].filter((token) => !next.has(token))
  // What is held here may not be stored: another tab may have taken it out, for what is taken away now.
  const isStored = (token: string): boolean =>
    held.has(token) && (remove.length === 0 || !answered.includes(token))
  return { add: [...next].filter((token) => !isStored(token)), remove }
}

/** Tokens of an answer's header; whatever else stands there is not taken, as it would be sent for ever. */
export function tokensIn(header: string | null): string[] {
  const parts = header === null ? [] : header.split(',').map((part) => part.trim())
  return parts.filter((part) => TOKEN.test(part) && !isLost(part))
}

/** The longest of today has 140 characters. */
const TOKEN = /^[\w.~+/=-]{1,1024}$/
