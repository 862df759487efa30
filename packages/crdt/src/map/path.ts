import type { ByteReader, ByteWriter } from '@quorate/vector-clock/codec'
import { elementFromJSON, elementToJSON, isElement, type SetElement } from '../element.ts'
import { isWellFormed } from '../format.ts'

// Where an entry of a map is, as one text: per step a letter for what is there, its name, and a line feed.
// `maddresses⏎rhome⏎vstreet⏎` is the value `street` of the record `home` in the map `addresses`. A name together
// with its letter is what identifies a field (as in Riak's maps): a counter and a set of one name are two fields.
//
// All below one place begin with its path, and stand together when sorted.

/** What may hold others. The root is nameless, and may hold what a record may. */
export type ContainerTag = 'r' | 'm' | 's' | 'b'
/** What a path ends with: an entry of this kind. */
export type LeafTag = 'v' | 'c' | 'n' | 'f' | 't' | 'd' | 'i' | 'q'
export type Tag = ContainerTag | LeafTag

/** Each with its name in JSON, in the order of their numbers in bytes, which stay as they are for ever. */
const NAMES: Readonly<Record<Tag, string>> = {
  r: 'record',
  m: 'map',
  s: 'set',
  b: 'cart',
  v: 'value',
  c: 'conflicts',
  n: 'counter',
  f: 'flag',
  t: 'text',
  d: 'number',
  i: 'bigint',
  q: 'sku',
}
const TAGS = Object.keys(NAMES) as Tag[]
/** Room for tags to come: a name of up to 7 bytes has its length and tag in one byte. */
const KINDS = 16

/** What may come next; nothing after a leaf. */
const NEXT: Readonly<Record<string, string>> = { r: 'rmsbvcnf', m: 'rmsbvcnf', s: 'tdi', b: 'q' }
const AT_ROOT = 'rmsbvcnf'
const END = '\n'

/** How many fields may be nested in each other. */
export const MAX_MAP_DEPTH = 32

/**
 * How long the way to an entry may be, without its own name: UTF-16 units of all names around it, and 2 for each.
 * The way is written once for all that share it, so without a bound a short message could ask for much memory.
 */
export const MAX_MAP_PATH = 512

/** One step of a path. */
export const stepOf = (tag: Tag, name: string): string =>
  name.includes('\\') || name.includes(END)
    ? `${tag}${name.replaceAll('\\', '\\\\').replaceAll(END, '\\n')}${END}`
    : `${tag}${name}${END}`

/** The step to an element of a set; the same for −0 and 0. */
export const elementStep = (element: SetElement): string =>
  typeof element === 'string'
    ? stepOf('t', element)
    : `${typeof element === 'number' ? 'd' : 'i'}${element}${END}`

/** True if others are below what has this tag. */
export const isContainer = (tag: Tag): boolean => tag in NEXT

/** The tag of a step. */
export const tagOf = (step: string): Tag => step[0] as Tag

/** The name in a step. */
export function nameOf(step: string): string {
  const name = step.slice(1, -1)
  return name.includes('\\')
    ? name.replaceAll(/\\(.)/gu, (_, escaped: string) => (escaped === 'n' ? END : escaped))
    : name
}

/** The element in a step. */
export function elementOf(step: string): SetElement {
  const name = nameOf(step)
  return tagOf(step) === 't' ? name : tagOf(step) === 'd' ? Number(name) : BigInt(name)
}

/** The path without its last step. */
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf(END, path.length - 2) + 1)

/** The last step of a path. */
export const lastStep = (path: string): string => path.slice(path.lastIndexOf(END, path.length - 2) + 1)

/** What kind of entry is at the end of a path. */
export const leafOf = (path: string): LeafTag => path[path.lastIndexOf(END, path.length - 2) + 1] as LeafTag

/** The steps of a path. */
export const stepsOf = (path: string): string[] =>
  path
    .split(END)
    .slice(0, -1)
    .map((step) => step + END)

/** The names of the steps of a path. */
export const namesOf = (path: string): string[] => stepsOf(path).map(nameOf)

/** @throws RangeError if nothing more may be nested here. */
export function checkPath(path: string): void {
  if (path.length > MAX_MAP_PATH) {
    throw new RangeError(`The names around a field must be at most ${MAX_MAP_PATH} units, got ${path.length}`)
  }
  if (path.split(END).length - 1 >= MAX_MAP_DEPTH) {
    throw new RangeError(`A field must be at most ${MAX_MAP_DEPTH} fields deep`)
  }
}

/** Writes the number of steps that are those of the path before, then each of the others. */
export function writePath(writer: ByteWriter, path: string, before = ''): void {
  let shared = 0
  let start = 0
  // No path is the beginning of another, so this ends before they do.
  for (let i = 0; i < before.length && path.charCodeAt(i) === before.charCodeAt(i); i++) {
    if (path[i] !== END) continue
    shared++
    start = i + 1
  }
  writer.uint(shared)
  for (const step of stepsOf(path.slice(start))) writer.text(nameOf(step), KINDS, TAGS.indexOf(tagOf(step)))
}

/** @throws DecodeError on anything that {@link writePath} would not have written. */
export function readPath(reader: ByteReader, before = ''): string {
  const shared = reader.uint()
  let start = 0
  for (let i = 0; i < shared; i++) {
    start = before.indexOf(END, start) + 1
    if (start === 0) reader.fail('a key shares more than there is')
  }
  const way = new Way(before.slice(0, start), shared)
  const next = before.slice(start, before.indexOf(END, start) + 1)
  do {
    const head = reader.uint()
    const tag = TAGS[head % KINDS] ?? reader.fail('a field is of an unknown kind')
    if (!way.push(tag, reader.text((head - (head % KINDS)) / KINDS))) reader.fail('a key is not valid')
    if (next !== '' && way.path.length === start + next.length && way.path.endsWith(next)) {
      reader.fail('a key shares less than it should')
    }
  } while (!way.isWhole)
  return way.path
}

/** `[['map', 'addresses'], ['record', 'home'], ['value', 'street']]`. */
export const pathToJSON = (path: string): unknown =>
  stepsOf(path).map((step) => [
    NAMES[tagOf(step)],
    'tdi'.includes(tagOf(step)) ? elementToJSON(elementOf(step)) : nameOf(step),
  ])

/** What {@link pathToJSON} made; `undefined` for anything else. */
export function pathFromJSON(json: unknown): string | undefined {
  const way = new Way()
  for (const step of Array.isArray(json) ? json : []) {
    const [kind, name]: unknown[] = Array.isArray(step) ? step : []
    const tag = TAGS.find((one) => NAMES[one] === kind)
    if (tag === undefined) return undefined
    const element = elementFromJSON(name)
    const isRight = 'di'.includes(tag)
      ? typeof element === (tag === 'd' ? 'number' : 'bigint')
      : isWellFormed(name)
    if (!isRight || !way.push(tag, String('di'.includes(tag) ? element : name))) return undefined
  }
  return way.isWhole ? way.path : undefined
}

/** A path that comes in, step by step. */
class Way {
  path: string
  #depth: number
  #next: string

  /** @param path the beginning, so many steps of a path that is valid. */
  constructor(path = '', depth = 0) {
    this.path = path
    this.#depth = depth
    this.#next = path === '' ? AT_ROOT : (NEXT[leafOf(path)] ?? '')
  }

  /** @returns false if such a step cannot follow. */
  push(tag: Tag, name: string): boolean {
    if (!this.#next.includes(tag) || this.path.length > MAX_MAP_PATH || this.#depth === MAX_MAP_DEPTH)
      return false
    if (tag === 'd' && !isDecimal(name)) return false
    if (tag === 'i' && !isInteger(name)) return false
    if (tag === 'q' && name === '') return false
    this.path += stepOf(tag, name)
    this.#depth++
    this.#next = NEXT[tag] ?? ''
    return true
  }

  /** True if an entry is at its end. */
  get isWhole(): boolean {
    return this.#next === ''
  }
}

/** True for the one text of a number. */
const isDecimal = (text: string): boolean => String(Number(text)) === text && isElement(Number(text))

/** True for the one text of a bigint that is not too long. */
const isInteger = (text: string): boolean =>
  text.length < 2_500 && /^(0|-?[1-9]\d*)$/u.test(text) && isElement(BigInt(text))
