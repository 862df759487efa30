import { compareHlc, type HlcTimestamp } from '../hlc-timestamp.ts'
import { VersionVector } from '../version-vector.ts'
import { BaggageLimitError } from './errors.ts'
import { hlcFromHeader, hlcToHeader, MAX_HEADER_BYTES, vectorFromHeader, vectorToHeader } from './header.ts'

// W3C Baggage, working draft of 2024, "Limits": what a platform must at least pass on.
const MAX_MEMBERS = 64
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/

/** A `baggage` header as frameworks hand it over: absent, one, or several lines of it. */
export type BaggageHeader = string | readonly string[] | undefined

/** Options of all functions for baggage. */
export interface BaggageOptions {
  /** Key of the member. Default `quorate-version` for vectors, `quorate-hlc` for stamps. */
  readonly key?: string | undefined
}

/**
 * The vector in a `baggage` header; `undefined` if there is none. If several members bear the key, as the
 * specification allows, it is what they know together.
 *
 * @throws DecodeError if the member is not a vector. Members of others are not looked into.
 * @throws TypeError for a key that baggage does not allow.
 */
export function vectorFromBaggage(
  header: BaggageHeader,
  { key = 'quorate-version' }: BaggageOptions = {},
): VersionVector | undefined {
  const vectors = valuesOf(header, key).map(vectorFromHeader)
  if (vectors.length < 2) return vectors[0]
  // Not one after the other: with many members, each would be a copy of all before.
  const counters = new Map<string, number>()
  for (const [node, counter] of vectors.flatMap((vector) => [...vector])) {
    counters.set(node, Math.max(counter, counters.get(node) ?? 0))
  }
  return VersionVector.of(counters)
}

/**
 * A `baggage` header with the vector in it, in the place of one that was there. The other members stay as they are,
 * to the letter and in order.
 *
 * @throws BaggageLimitError if it would have more than 64 members or 8,192 bytes.
 * @throws TypeError for a key that baggage does not allow.
 */
export function vectorToBaggage(
  header: BaggageHeader,
  vector: VersionVector,
  { key = 'quorate-version' }: BaggageOptions = {},
): string {
  return withMember(header, key, vectorToHeader(vector))
}

/** The greatest stamp in a `baggage` header; `undefined` if there is none. @throws as {@link vectorFromBaggage}. */
export function hlcFromBaggage(
  header: BaggageHeader,
  { key = 'quorate-hlc' }: BaggageOptions = {},
): HlcTimestamp | undefined {
  return valuesOf(header, key).map(hlcFromHeader).toSorted(compareHlc).at(-1)
}

/** A `baggage` header with the stamp in it. @throws and all else as {@link vectorToBaggage}. */
export function hlcToBaggage(
  header: BaggageHeader,
  stamp: HlcTimestamp,
  { key = 'quorate-hlc' }: BaggageOptions = {},
): string {
  return withMember(header, key, hlcToHeader(stamp))
}

/** The members as they were written; several headers are one list. Commas never stand within a member. */
function membersOf(header: BaggageHeader): string[] {
  return [header ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .map(trim)
    .filter((member) => member !== '')
}

const keyOf = (member: string): string => trim((/^[^=;]*/.exec(member) as RegExpExecArray)[0])

/** The values of all members of this key, without properties. */
function valuesOf(header: BaggageHeader, key: string): string[] {
  checkKey(key)
  return membersOf(header)
    .filter((member) => keyOf(member) === key)
    .map((member) => trim((member.split(';')[0] as string).slice(member.indexOf('=') + 1)))
}

function withMember(header: BaggageHeader, key: string, value: string): string {
  checkKey(key)
  const old = membersOf(header)
  const at = old.findIndex((member) => keyOf(member) === key)
  const members = old.filter((member, index) => index === at || keyOf(member) !== key)
  members.splice(at < 0 ? members.length : at, at < 0 ? 0 : 1, `${key}=${value}`)
  const text = members.join(',')
  const bytes = new TextEncoder().encode(text).length
  if (members.length <= MAX_MEMBERS && bytes <= MAX_HEADER_BYTES) return text
  throw new BaggageLimitError(key, members.length, bytes)
}

function checkKey(key: string): void {
  if (!TOKEN.test(key)) throw new TypeError(`key must be a token of HTTP, got ${JSON.stringify(key)}`)
}

/** White space of HTTP only: `trim()` of strings takes more. No pattern: at its end, one looks at each blank for all. */
function trim(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

const isBlank = (char: string | undefined): boolean => char === ' ' || char === '\t'
