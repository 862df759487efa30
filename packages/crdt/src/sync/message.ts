import { VersionVector } from '@quorate/vector-clock'
import { ByteReader, ByteWriter } from '@quorate/vector-clock/codec'

/** Changes when old peers could no longer read what is sent. */
export const PROTOCOL = 2
/** Most bytes of a part of a delta beyond the part itself and the name of the document. */
const HEAD_BYTES = 64

/** All parts of a delta but the last are at least so long. */
export const LEAST_PART_BYTES = 256

/** To whoever listens: the session is not known yet. */
export const ANYBODY = 0

interface Addressed {
  readonly document: string
  /** Sessions: numbers drawn when a document was opened. A replica that restarts is another session. */
  readonly from: number
  readonly to: number
  /** Counts the messages of a session to another, so that an older version is not taken for the newest. */
  readonly number: number
}

/** “I have this much”, and maybe “what do you have?” */
export interface Hello extends Addressed {
  readonly kind: 'hello'
  readonly asks: boolean
  readonly type: string
  readonly version: VersionVector
  /** Of the state at this version; only if it may be compared. */
  readonly digest: number | undefined
}

/** A part of what the receiver lacks. */
export interface Part extends Addressed {
  readonly kind: 'part'
  /** Which state of the sender it comes from; a later one has a greater number. */
  readonly revision: number
  readonly index: number
  readonly count: number
  /** A piece of a {@link encodePayload payload}. */
  readonly bytes: Uint8Array
}

/** “I have that part”; with a version: “I have merged it all, and have this much now”. */
export interface Ack extends Addressed {
  readonly kind: 'ack'
  readonly revision: number
  readonly index: number
  readonly version: VersionVector | undefined
}

export type RefusalProblem = (typeof PROBLEMS)[number]

/** “I cannot go on with this.” Of an unknown document, `from` is a number of the channel: no session has it open. */
export interface Refusal extends Addressed {
  readonly kind: 'refusal'
  readonly problem: RefusalProblem
}

export type Message = Hello | Part | Ack | Refusal

const KINDS = ['hello', 'part', 'ack', 'refusal'] as const
const PROBLEMS = ['type', 'unreadable', 'too-large', 'diverged', 'unknown-document'] as const

/** Protocol, kind, name of the document, from, to, number; then what the kind has. */
export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter()
  writer.byte(PROTOCOL)
  writer.byte(KINDS.indexOf(message.kind))
  writer.text(message.document)
  writer.uint(message.from)
  writer.uint(message.to)
  writer.uint(message.number)
  switch (message.kind) {
    case 'hello':
      writer.byte(message.asks ? 1 : 0)
      writer.text(message.type)
      writeVersion(writer, message.version)
      writer.byte(message.digest === undefined ? 0 : 1)
      if (message.digest !== undefined) writer.uint(message.digest)
      break
    case 'part':
      writer.uint(message.revision)
      writer.uint(message.index)
      writer.uint(message.count)
      writer.uint(message.bytes.length)
      writer.raw(message.bytes)
      break
    case 'ack':
      writer.uint(message.revision)
      writer.uint(message.index)
      writer.byte(message.version === undefined ? 0 : 1)
      if (message.version !== undefined) writeVersion(writer, message.version)
      break
    case 'refusal':
      writer.byte(PROBLEMS.indexOf(message.problem))
      break
    default:
      message satisfies never
  }
  return writer.finish()
}

/**
 * @returns `undefined` for another protocol.
 * @throws DecodeError for anything else that is no message.
 */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  const reader = new ByteReader(bytes, 'sync message')
  if (reader.byte() !== PROTOCOL) return undefined
  const kind = KINDS[reader.byte()]
  const head = { document: reader.text(), from: reader.uint(), to: reader.uint(), number: reader.uint() }
  if (head.document === '') reader.fail('its document has no name')
  if (head.from === ANYBODY) reader.fail('it comes from no session')
  const message = readBody(reader, kind, head)
  reader.end()
  return message
}

function readBody(reader: ByteReader, kind: Message['kind'] | undefined, head: Addressed): Message {
  switch (kind) {
    case 'hello': {
      const [asks, type, version] = [flag(reader), reader.text(), readVersion(reader)]
      return { ...head, kind, asks, type, version, digest: flag(reader) ? reader.uint() : undefined }
    }
    case 'part': {
      const [revision, index, count] = [reader.uint(), reader.uint(), reader.uint()]
      if (index >= count) reader.fail('a part is beyond the last one')
      return { ...head, kind, revision, index, count, bytes: reader.raw(reader.uint()).slice() }
    }
    case 'ack': {
      const [revision, index] = [reader.uint(), reader.uint()]
      return { ...head, kind, revision, index, version: flag(reader) ? readVersion(reader) : undefined }
    }
    case 'refusal': {
      const problem = PROBLEMS[reader.byte()]
      return problem === undefined ? reader.fail('its problem is unknown') : { ...head, kind, problem }
    }
    case undefined:
      return reader.fail('its kind is unknown')
    default:
      return kind satisfies never
  }
}

/** What the parts are cut from: the version of the sender at that state, and the delta. */
export function encodePayload(version: VersionVector, delta: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter()
  writeVersion(writer, version)
  writer.uint(delta.length)
  writer.raw(delta)
  return writer.finish()
}

/** @throws DecodeError */
export function decodePayload(bytes: Uint8Array): { version: VersionVector; delta: Uint8Array } {
  const reader = new ByteReader(bytes, 'sync message')
  const version = readVersion(reader)
  const delta = reader.raw(reader.uint())
  reader.end()
  return { version, delta }
}

function flag(reader: ByteReader): boolean {
  const byte = reader.byte()
  return byte > 1 ? reader.fail('a flag is neither 0 nor 1') : byte === 1
}

function writeVersion(writer: ByteWriter, version: VersionVector): void {
  const bytes = version.encode()
  writer.uint(bytes.length)
  writer.raw(bytes)
}

const readVersion = (reader: ByteReader): VersionVector => VersionVector.decode(reader.raw(reader.uint()))

/** How much of a payload fits into one message. */
export const roomIn = (document: string, maxMessageBytes: number): number =>
  maxMessageBytes - HEAD_BYTES - 3 * document.length
