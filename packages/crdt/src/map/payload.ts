import type { ByteReader, ByteWriter } from '@quorate/vector-clock/codec'
import { MAX_QUANTITY } from '../cart.ts'
import type { Entry } from '../fragment.ts'
import type { FragmentFormat } from '../fragment-codec.ts'
import {
  isStamped,
  readStamped,
  type Stamped,
  stampedFromJSON,
  stampedToJSON,
  writeStamped,
} from '../stamped.ts'
import { type CrdtValue, sameValue } from '../value.ts'
import { valueFromJSON, valueToJSON } from '../value-intake.ts'
import { readValue, writeValue } from '../value-codec.ts'
import { type LeafTag, leafOf, pathFromJSON, pathToJSON, readPath, writePath } from './path.ts'

/** All that one replica has counted, up and down. */
export interface Counted {
  readonly plus: number
  readonly minus: number
}

/**
 * What an entry carries; which of these, says the end of its path: a value with its stamp, a value, counts, a
 * quantity × 2 (+ 1 if it was set), or nothing.
 */
export type Payload = Stamped | CrdtValue | Counted | undefined

/** The most that one replica can count in each direction: what a number holds exactly. */
export const MAX_COUNT: number = Number.MAX_SAFE_INTEGER

type PathEntry = Entry<string, Payload> | undefined

interface Leaf {
  write(writer: ByteWriter, payload: Payload, previous: PathEntry): void
  read(reader: ByteReader, previous: PathEntry): Payload
  is(payload: unknown): boolean
  toJSON(payload: Payload): Readonly<Record<string, unknown>>
  fromJSON(json: Readonly<Record<string, unknown>>): unknown
}

/** An element: it is there, and that is all. */
const ELEMENT: Leaf = {
  write: () => {},
  read: () => undefined,
  is: (payload) => payload === undefined,
  toJSON: () => ({}),
  fromJSON: () => undefined,
}

const LEAVES: Readonly<Record<LeafTag, Leaf>> = {
  v: {
    write: (writer, payload, previous) => writeStamped(writer, payload as Stamped, msOf(previous)),
    read: (reader, previous) => readStamped(reader, msOf(previous)),
    is: isStamped,
    toJSON: (payload) => stampedToJSON(payload as Stamped),
    fromJSON: stampedFromJSON,
  },
  c: {
    write: (writer, payload) => writeValue(writer, payload as CrdtValue),
    read: readValue,
    is: (payload) => payload !== undefined,
    toJSON: (payload) => ({ value: valueToJSON(payload as CrdtValue) }),
    fromJSON: ({ value }) => valueFromJSON(value),
  },
  n: {
    write: (writer, payload) => {
      const { plus, minus } = payload as Counted
      writer.uint(plus)
      writer.uint(minus)
    },
    read: (reader) => ({ plus: reader.uint(), minus: reader.uint() }),
    is: (payload) => {
      const { plus, minus } = (payload ?? {}) as Partial<Counted>
      return isCount(plus) && isCount(minus)
    },
    toJSON: (payload) => ({ ...(payload as Counted) }),
    fromJSON: ({ plus, minus }) => ({ plus, minus }),
  },
  f: ELEMENT,
  t: ELEMENT,
  d: ELEMENT,
  i: ELEMENT,
  q: {
    write: (writer, payload) => writer.uint(payload as number),
    read: (reader) => reader.uint(),
    is: (payload) => isCount(payload) && payload >= 2 && payload <= MAX_QUANTITY * 2 + 1,
    toJSON: (payload) => ({ [isSet(payload) ? 'set' : 'add']: quantityOf(payload) }),
    fromJSON: ({ add, set }) => (set === undefined ? Number(add) * 2 : Number(set) * 2 + 1),
  },
}

/** The format of a map: paths for keys, and what each path's end asks for as payloads. */
export const FORMAT: FragmentFormat<'or-map', string, Payload> = {
  type: 'or-map',
  tag: 14,
  writeKey: (writer, path, previous) => writePath(writer, path, previous?.key),
  readKey: (reader, previous) => readPath(reader, previous?.key),
  // Read from bytes or JSON it is one, or it would not have come here.
  isKey: (path): path is string => typeof path === 'string',
  writePayload: (writer, payload, path, previous) => LEAVES[leafOf(path)].write(writer, payload, previous),
  readPayload: (reader, path, previous) => LEAVES[leafOf(path)].read(reader, previous),
  isPayload: (payload, path): payload is Payload => LEAVES[leafOf(path)].is(payload),
  samePayload: (a, b) => a === b || sameValue(a as CrdtValue, b as CrdtValue),
  toJSON: (path, payload) => ({ path: pathToJSON(path), ...LEAVES[leafOf(path)].toJSON(payload) }),
  fromJSON: (json) => {
    const key = pathFromJSON(json['path'])
    return { key, payload: key === undefined ? undefined : LEAVES[leafOf(key)].fromJSON(json) }
  },
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0)

/** The time of the entry before, if it has one. */
const msOf = (previous: PathEntry): number =>
  previous !== undefined && leafOf(previous.key) === 'v' ? (previous.payload as Stamped).ms : 0

/** True if the quantity was set, not added. */
export const isSet = (payload: Payload): boolean => (payload as number) % 2 === 1

export const quantityOf = (payload: Payload): number => Math.floor((payload as number) / 2)
