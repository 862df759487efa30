import { DERIVED, Insertion, NOWHERE, type Op, Removal } from './ops.ts'
import { DELETE_DOWN, DELETE_UP, GAP, HERE, LEFT_CHILD, LONG, MAX_EVENTS, RIGHT_CHILD } from './rows.ts'

// Most updates are one key pressed: one row. These two write and read that case, in the format of `codec.ts`, many
// times as fast as the general way, which takes over for everything that is not plainly simple.

/** Format and type, as `startWriting` writes them. */
const FORMAT = 1
const TYPE = 15
/** Longer texts may be written as a code. */
const MAX_BYTES = 255
const MAX_NAME = 63
const KNOWN_NAMES = 8

const encoder = /* @__PURE__ */ new TextEncoder()
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

interface KnownName {
  readonly name: string
  readonly utf8: Uint8Array
}
/** Replicas seen last, the oldest overwritten first: names are far slower to convert than to compare. */
const knownNames: KnownName[] = []
let oldest = 0
/** The one read last: writers mostly send several edits in a row. */
let recent: KnownName | undefined

function know(known: KnownName): KnownName {
  knownNames[oldest] = known
  oldest = (oldest + 1) % KNOWN_NAMES
  return known
}

// One buffer for all: nothing here calls out while it is in use.
let out = new Uint8Array(1024)
let end = 0

function put(value: number): void {
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) out[end++] = (rest % 128) | 128
  out[end++] = rest
}

function putName(name: string, extra: number): boolean {
  let known: KnownName | undefined
  for (const one of knownNames) if (one.name === name) known = one
  const { utf8 } = known ?? know({ name, utf8: encoder.encode(name) })
  if (utf8.length > MAX_NAME) return false
  out[end++] = utf8.length * 2 + extra
  for (let i = 0; i < utf8.length; i++) out[end++] = utf8[i] as number
  return true
}

const zigzag = (distance: number): number => (distance < 0 ? -2 * distance - 1 : 2 * distance)

/** The bytes of one operation; `undefined` if it is not a simple one. */
export function encodeSingle(op: Op): Uint8Array<ArrayBuffer> | undefined {
  let kind: number
  let node: string
  let counter: number
  if (op instanceof Removal) {
    kind = op.length === 1 || op.step < 0 ? DELETE_DOWN : DELETE_UP
    node = op.targetNode
    counter = op.target
  } else {
    if (op.text === undefined || op.text.length > MAX_BYTES) return undefined
    if (op.leftCounter !== DERIVED && op.rightCounter !== DERIVED) return undefined
    kind = op.leftCounter === DERIVED ? LEFT_CHILD : RIGHT_CHILD
    node = kind === LEFT_CHILD ? op.rightNode : op.leftNode
    counter = kind === LEFT_CHILD ? op.rightCounter : op.leftCounter
  }
  const isOwn = node === op.node
  const isFirst = isOwn || node === NOWHERE || op.node < node
  out[0] = FORMAT
  out[1] = TYPE
  out[2] = isOwn || node === NOWHERE ? 1 : 2
  end = 3
  if (!isFirst && !putName(node, 0)) return undefined
  if (!putName(op.node, 1)) return undefined
  if (isFirst && out[2] === 2 && !putName(node, 0)) return undefined
  put(op.counter - 1)
  const head = (op.length - 1) * 8
  if (isOwn) {
    const distance = zigzag(counter - (op.counter - 1))
    if (distance === 0 && (kind === LEFT_CHILD || kind === DELETE_DOWN)) put(head + kind + HERE)
    else {
      put(head + kind)
      put(distance)
    }
  } else {
    put(head + LONG)
    out[end++] = kind
    put(node === NOWHERE ? 0 : isFirst ? 2 : 1)
    if (node !== NOWHERE) put(zigzag(counter))
  }
  out[end++] = GAP
  if (op instanceof Removal) out[end++] = 0
  else if (!putAscii(op.text as string)) return undefined
  return out.slice(0, end)
}

function putAscii(text: string): boolean {
  put(text.length * 2)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 127) return false
    out[end++] = unit
  }
  return true
}

let input: Uint8Array = out
let at = 0

/** A number; NaN for one that is not written as it should be. */
function take(): number {
  // Most are of one to three bytes. Past the end there is undefined, which is neither below 128 nor above 127.
  const first = input[at] as number
  if (first < 128) {
    at++
    return first
  }
  const second = input[at + 1] as number
  if (second < 128 && second > 0) {
    at += 2
    return first + second * 128 - 128
  }
  const third = input[at + 2] as number
  if (second > 127 && third < 128 && third > 0) {
    at += 3
    return first + second * 128 + third * 16_384 - (128 + 16_384)
  }
  let value = 0
  for (let scale = 1; scale <= 2 ** 42; scale *= 128) {
    const byte = input[at++]
    if (byte === undefined || (byte === 0 && scale > 1)) return Number.NaN
    if (byte < 128) return value + byte * scale
    value += (byte - 128) * scale
  }
  return Number.NaN
}

function takeName(length: number): string | undefined {
  const start = at
  at += length
  if (length > MAX_NAME || at > input.length) return undefined
  if (recent !== undefined && isAt(start, length, recent)) return recent.name
  for (let i = 0; i < knownNames.length; i++) {
    const known = knownNames[i] as KnownName
    if (!isAt(start, length, known)) continue
    recent = known
    return known.name
  }
  const utf8 = input.slice(start, at)
  try {
    recent = know({ name: decoder.decode(utf8), utf8 })
  } catch {
    return undefined
  }
  return recent.name
}

/** True if the bytes from a place on are a name. */
function isAt(start: number, length: number, { utf8 }: KnownName): boolean {
  if (utf8.length !== length) return false
  for (let i = 0; i < length; i++) if (utf8[i] !== input[start + i]) return false
  return true
}

/** The operation in bytes that hold just one; `undefined` if that is not plain: then the bytes may be right or wrong. */
export function decodeSingle(bytes: Uint8Array): Op | undefined {
  if (bytes[0] !== FORMAT || bytes[1] !== TYPE) return undefined
  input = bytes
  at = 3
  const names = bytes[2]
  if (names !== 1 && names !== 2) return undefined
  let head = input[at++] as number // names are short here, or there is none
  const isFirst = (head & 1) === 1
  const one = takeName(head >> 1)
  if (one === undefined || one === NOWHERE || (names === 1 && !isFirst)) return undefined
  let other = one
  if (names === 2) {
    head = input[at++] as number
    const second = takeName(head >> 1)
    if (second === undefined || !(one < second) || ((head & 1) === 1) === isFirst) return undefined
    other = second
  }
  const node = isFirst ? one : other
  const first = take() + 1
  head = take()
  const kind = head % 8
  const length = (head - kind) / 8 + 1
  if (!(first + length <= MAX_EVENTS)) return undefined
  const meaning = kind === LONG ? input[at++] : kind === 0 || kind === DELETE_DOWN + HERE ? kind - HERE : kind
  let target = node
  let counter: number
  if (kind === LONG) {
    const index = take()
    if (index !== (names === 1 ? 0 : isFirst ? 2 : 1)) return undefined
    target = names === 1 ? NOWHERE : isFirst ? other : one
    counter = names === 1 ? 0 : take() / 2
    if (names === 1 ? meaning !== RIGHT_CHILD : !(Number.isInteger(counter) && counter >= 1)) return undefined
  } else {
    const distance = kind === meaning ? take() : 0
    if (names === 2 || (kind === meaning && distance === 0 && kind !== RIGHT_CHILD && kind !== DELETE_UP))
      return undefined
    counter = first - 1 + (distance % 2 === 0 ? distance / 2 : -(distance + 1) / 2)
    if (!(counter >= 1 && counter < first)) return undefined
  }
  if (input[at++] !== GAP || counter >= MAX_EVENTS) return undefined
  if (meaning === DELETE_DOWN || meaning === DELETE_UP) {
    const isUp = meaning === DELETE_UP
    const last = isUp ? counter + length - 1 : counter - length + 1
    const isPlain = input[at] === 0 && at + 1 === input.length && last >= 1 && !(isUp && length === 1)
    if (!isPlain || (target === node ? last >= first : last >= MAX_EVENTS)) return undefined
    return new Removal(node, first, length, target, counter, isUp || length === 1 ? 1 : -1)
  }
  const text = takeAscii(length)
  if (text === undefined) return undefined
  if (meaning === LEFT_CHILD)
    return new Insertion(node, first, length, text, NOWHERE, DERIVED, target, counter)
  if (meaning === RIGHT_CHILD)
    return new Insertion(node, first, length, text, target, counter, NOWHERE, DERIVED)
  return undefined
}

/** The text that the bytes end with, if it is of `length` and plain. */
function takeAscii(length: number): string | undefined {
  if (length > MAX_BYTES || take() !== length * 2 || at + length !== input.length) return undefined
  let text = ''
  for (; at < input.length; at++) {
    const byte = input[at] as number
    if (byte > 127) return undefined
    const unit = String.fromCharCode(byte)
    text = length === 1 ? unit : text + unit
  }
  return text
}
