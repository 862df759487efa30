import type { Dot } from '@quorate/vector-clock'
import { CausalContext } from '@quorate/vector-clock/causal-context'
import type { ByteReader, ByteWriter } from '@quorate/vector-clock/codec'
import type { CrdtType } from './crdt.ts'
import { type Fail, startJSON, startReading, startWriting, type TypeFormat } from './format.ts'
import { type Entry, type Fragment, type Key, type Live, makeEntry, type StoreRules } from './fragment.ts'

/**
 * How a type writes its keys and payloads. `previous` is the entry before it in the same bytes, for types that
 * write what differs.
 */
export interface FragmentFormat<T extends CrdtType, K extends Key, P> extends TypeFormat<T>, StoreRules<P> {
  readonly type: T
  writeKey(writer: ByteWriter, key: K, previous: Entry<K, P> | undefined): void
  readKey(reader: ByteReader, previous: Entry<K, P> | undefined): K
  /** Is asked of each key that comes in, from bytes and from JSON. */
  isKey(key: unknown): key is K
  /** Nothing for a type without payloads. */
  writePayload(writer: ByteWriter, payload: P, key: K, previous: Entry<K, P> | undefined): void
  /** Fails on any other spelling than that of `writePayload`. */
  readPayload(reader: ByteReader, key: K, previous: Entry<K, P> | undefined): P
  /** Is asked of each payload that comes in, from bytes and from JSON. */
  isPayload(payload: unknown, key: K): payload is P
  /** An entry as JSON, without its event. */
  toJSON(key: K, payload: P): Readonly<Record<string, unknown>>
  /** Key and payload of an entry as JSON; `isKey` and `isPayload` check them later. */
  fromJSON(json: Readonly<Record<string, unknown>>): { key: unknown; payload: unknown }
}

/** The JSON of a state or delta. */
export interface FragmentJson<T extends CrdtType = CrdtType> {
  readonly type: T
  /** Events seen, as runs by replica. */
  readonly context: Readonly<Record<string, readonly (readonly [from: number, to: number])[]>>
  /** What is there: the element and the event that put it there. */
  readonly entries: readonly Readonly<Record<string, unknown>>[]
}

/** One order for all: numbers, big integers, texts (by UTF-16 units); then by event. */
function compareEntries<K extends Key, P>(a: Entry<K, P>, b: Entry<K, P>): number {
  const order = compareKeys(a.key, b.key)
  if (order !== 0) return order
  if (a.node !== b.node) return a.node < b.node ? -1 : 1
  return a.counter - b.counter
}

const ORDER = ['number', 'bigint', 'string']

function compareKeys(a: Key, b: Key): number {
  if (typeof a !== typeof b) return ORDER.indexOf(typeof a) - ORDER.indexOf(typeof b)
  return a < b ? -1 : a === b ? 0 : 1
}

/**
 * Head, causal context, number of keys; per key the key, and per entry of it: place of the node in
 * the context × 2 (+ 1 if the key has another entry), counter − first counter of that node in the
 * context, payload as the type writes it.
 */
export function encodeFragment<T extends CrdtType, K extends Key, P>(
  format: FragmentFormat<T, K, P>,
  { context, entries }: Fragment<K, P>,
): Uint8Array<ArrayBuffer> {
  const writer = startWriting(format)
  context.writeTo(writer)
  const places = new Map(context.nodes.map((node, place) => [node, place]))
  const sorted = entries.length > 1 ? entries.toSorted(compareEntries) : entries
  let keys = 0
  for (let i = 0; i < sorted.length; i++) if (sorted[i]?.key !== sorted[i - 1]?.key) keys++
  writer.uint(keys)
  for (let i = 0; i < sorted.length; i++) {
    const { key, node, counter, payload } = sorted[i] as Entry<K, P>
    const place = places.get(node) as number
    const previous = sorted[i - 1]
    if (previous?.key !== key) format.writeKey(writer, key, previous)
    writer.uint(place * 2 + (sorted[i + 1]?.key === key ? 1 : 0))
    writer.uint(counter - context.first(node))
    format.writePayload(writer, payload, key, previous)
  }
  return writer.finish()
}

/**
 * Makes entries of its own, for a store to take as they are.
 *
 * @throws DecodeError on anything that {@link encodeFragment} would not have written.
 */
export function decodeFragment<T extends CrdtType, K extends Key, P>(
  format: FragmentFormat<T, K, P>,
  bytes: Uint8Array,
): Fragment<K, P> {
  const reader = startReading(format, bytes)
  const context = CausalContext.readFrom(reader)
  const { nodes } = context
  const firsts = nodes.map((node) => context.first(node))
  const entries: Live<K, P>[] = []
  let last: Live<K, P> | undefined
  for (let keys = reader.count(); keys > 0; keys--) {
    const key = format.readKey(reader, last)
    if (last !== undefined && compareKeys(last.key, key) >= 0) reader.fail('its elements are not in order')
    for (let more = 1; more > 0;) {
      const head = reader.uint()
      more = head % 2
      const place = (head - more) / 2
      const node = nodes[place] ?? reader.fail('an entry is of an unknown replica')
      const counter = (firsts[place] as number) + reader.uint()
      const entry = makeEntry(key, node, counter, format.readPayload(reader, key, last))
      if (last?.key === key && compareEntries(last, entry) >= 0) reader.fail('its entries are not in order')
      entries.push(entry)
      last = entry
    }
  }
  reader.end()
  return checked(format, { context, entries }, (reason) => reader.fail(reason))
}

/** The JSON of a fragment, entries in the order of the bytes. */
export function fragmentToJSON<T extends CrdtType, K extends Key, P>(
  format: FragmentFormat<T, K, P>,
  { context, entries }: Fragment<K, P>,
): FragmentJson<T> {
  return {
    type: format.type,
    context: context.toJSON(),
    entries: entries.toSorted(compareEntries).map(({ key, node, counter, payload }) => ({
      ...format.toJSON(key, payload),
      node,
      counter,
    })),
  }
}

/** @throws DecodeError on anything that {@link fragmentToJSON} would not have made. */
export function fragmentFromJSON<T extends CrdtType, K extends Key, P>(
  format: FragmentFormat<T, K, P>,
  json: unknown,
): Fragment<K, P> {
  const [{ context, entries }, fail] = startJSON(format.type, json)
  if (!Array.isArray(entries) || !entries.every(isRecord)) return fail('entries is not a list of objects')
  const list = entries.map((entry) => {
    const { key, payload } = format.fromJSON(entry)
    const counter = Number.isInteger(entry['counter']) ? entry['counter'] : 0
    return makeEntry(key, entry['node'] as string, counter as number, payload)
  })
  const fragment = { context: CausalContext.fromJSON(context), entries: list as Live<K, P>[] }
  const { entries: valid } = checked(format, fragment, fail)
  return { context: fragment.context, entries: valid.toSorted(compareEntries) }
}

const isRecord = (json: unknown): json is Readonly<Record<string, unknown>> =>
  typeof json === 'object' && json !== null

/** What no store would hold must not come in: a wrong key, an event unseen, or one event twice. */
function checked<T extends CrdtType, K extends Key, P, F extends Fragment<K, P>>(
  format: FragmentFormat<T, K, P>,
  fragment: F,
  fail: Fail,
): F {
  const { context, entries } = fragment
  for (const entry of entries) {
    if (!format.isKey(entry.key) || !format.isPayload(entry.payload, entry.key))
      fail('an element is not valid')
    if (!context.has(entry)) fail('an entry is not in the context')
  }
  if (isOneTwice(entries)) fail('one event has two entries')
  return fragment
}

/** True if two entries are of one event. A bit for each: sorting the events of a large state takes four times as long. */
function isOneTwice(entries: readonly Dot[]): boolean {
  const nodes = new Map<string, Map<number, number>>()
  for (const { node, counter } of entries) {
    let blocks = nodes.get(node)
    if (blocks === undefined) nodes.set(node, (blocks = new Map()))
    const block = Math.floor(counter / BLOCK)
    const bit = 1 << (counter % BLOCK)
    const bits = blocks.get(block) ?? 0
    if ((bits & bit) !== 0) return true
    blocks.set(block, bits | bit)
  }
  return false
}

/** So many bits make a number that needs no memory of its own. */
const BLOCK = 30
