import type { Version } from '../types.ts'

/** One entity tag of a header (RFC 9110, 8.8.3). */
export interface EntityTag {
  /** What is between the quotes. */
  readonly value: string
  readonly isWeak: boolean
}

/** What an `If-Match` header asks for: any row that is there, or one of these. */
export type IfMatch = '*' | readonly EntityTag[]

/**
 * The strong entity tag of a version: `3` becomes `"3"`. Characters that a tag cannot hold are percent-encoded.
 *
 * @param version a number, bigint or text as rows carry it, or the `Date` of a version by time.
 * @throws TypeError for anything else.
 */
export function etagOf(version: Version | Date): string {
  const text = version instanceof Date ? version.toISOString() : version
  if (typeof text !== 'string' && typeof text !== 'number' && typeof text !== 'bigint') {
    throw new TypeError(`Cannot make an ETag: the version must be a number, text or date, got ${typeof text}`)
  }
  return `"${escape(String(text))}"`
}

/** Outside RFC 9110's etagc, and the percent sign, so that it can be undone. */
function escape(text: string): string {
  return text.replaceAll(/[^!#$&-~]/gu, (character) => encodeURIComponent(character))
}

/** The version in a tag, as text: the inverse of {@link etagOf}. */
export function versionOfTag({ value }: EntityTag): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value // not one of ours; equals no version
  }
}

const TAG = /[ \t]*(?:(W\/)?"([\u0021\u0023-\u007e\u0080-\u00ff]*)"[ \t]*)?(?:,|$)/y
const MAX_TAGS = 100

/**
 * Reads `If-Match` or `If-None-Match` (RFC 9110, 13.1): `*`, or a list of tags. Commas may stand inside tags, so splitting
 * at commas would not do; between them there may be nothing, as when headers were joined (RFC 9110, 5.6.1).
 *
 * @returns `undefined` if the header is malformed, or has more than 100 elements.
 */
export function parseIfMatch(header: string): IfMatch | undefined {
  if (header.trim() === '*') return '*'
  const tags: EntityTag[] = []
  TAG.lastIndex = 0
  for (let elements = 1; TAG.lastIndex < header.length; elements++) {
    const match = elements > MAX_TAGS ? null : TAG.exec(header)
    if (match === null) return undefined
    const [, weak, value] = match
    if (value !== undefined) tags.push({ isWeak: weak !== undefined, value })
  }
  return tags.length === 0 ? undefined : tags
}

/**
 * Does the row satisfy the header? By strong comparison: a weak tag never does (RFC 9110, 13.1.1).
 *
 * @param version of the row as it is now, or `undefined` if there is none.
 */
export function matches(ifMatch: IfMatch, version: Version | Date | undefined): boolean {
  if (version === undefined) return false
  if (ifMatch === '*') return true
  const tag = etagOf(version).slice(1, -1)
  return ifMatch.some(({ value, isWeak }) => !isWeak && value === tag)
}

/**
 * Does a client that asks for the row have it already? Then a GET or HEAD is answered by 304, with the `ETag` and no body.
 * By weak comparison, and not for a header that is malformed (RFC 9110, 13.1.2).
 *
 * @param ifNoneMatch the header as Node gives it: `request.headers['if-none-match']`.
 * @param version of the row as it is now, or `undefined` if there is none.
 */
export function isNotModified(ifNoneMatch: string | undefined, version: Version | Date | undefined): boolean {
  const asked = ifNoneMatch === undefined ? undefined : parseIfMatch(ifNoneMatch)
  if (asked === undefined || version === undefined) return false
  if (asked === '*') return true
  const tag = etagOf(version).slice(1, -1)
  return asked.some(({ value }) => value === tag)
}
