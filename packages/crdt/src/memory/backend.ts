import type { Backend, Change, Committed, Position, Stored } from '../store/backend.ts'
import { systemNow } from '../store/system-clock.ts'

/** From here on a document is compacted. */
const MAX_PARTS = 100

/** Options of {@link memoryBackend}. */
export interface MemoryBackendOptions {
  /** Wall time, ms: ends documents. Default: the machine's. */
  readonly now?: (() => number) | undefined
}

interface Document {
  readonly parts: readonly Part[]
  readonly endsMs: number
}

interface Part {
  /** Number of the write, and its tag: a command that comes twice makes two parts, which must not look alike. */
  readonly position: Position
  readonly number: number
  readonly bytes: Uint8Array
}

/** Documents in this process's memory. Stores that share one are like processes that share a database. */
export function memoryBackend(options: MemoryBackendOptions = {}): Backend {
  return new MemoryBackend(options.now ?? systemNow)
}

class MemoryBackend implements Backend {
  readonly canAppend = true
  readonly #now: () => number
  /** Documents are never changed, only replaced. */
  readonly #documents = new Map<string, Document>()

  constructor(now: () => number) {
    this.#now = now
  }

  async read(key: string, have: Position | undefined): Promise<Stored | undefined> {
    const document = this.#get(key)
    return document === undefined ? undefined : since(document, have)
  }

  async commit(key: string, { mode, base, tag, bytes, ttlMs }: Change): Promise<Committed> {
    const document = this.#get(key)
    const fits =
      base === undefined
        ? document === undefined
        : document !== undefined &&
          (mode === 'append' ? indexOf(document, base) >= 0 : positionOf(document) === base)
    if (!fits) return { isWritten: false, stored: document && since(document, undefined) }
    const parts = mode === 'append' && document !== undefined ? document.parts : []
    const number = (document?.parts.at(-1)?.number ?? 0) + 1
    const position = `${number}.${tag}`
    const next = {
      parts: [...parts, { position, number, bytes: bytes.slice() }],
      endsMs: ttlMs === undefined ? Infinity : this.#now() + ttlMs,
    }
    this.#documents.set(key, next)
    const missed = mode === 'append' && document !== undefined ? since(document, base).parts : []
    const isLong = next.parts.length > MAX_PARTS
    return { isWritten: true, stored: { position, isWhole: false, parts: missed, isLong } }
  }

  async compact(key: string, at: Position, state: Uint8Array): Promise<void> {
    const document = this.#get(key)
    const index = document === undefined ? -1 : indexOf(document, at)
    if (document === undefined || index < 0) return
    const { number } = document.parts[index] as Part
    const parts = [{ position: at, number, bytes: state.slice() }, ...document.parts.slice(index + 1)]
    this.#documents.set(key, { ...document, parts })
  }

  async remove(key: string): Promise<boolean> {
    const existed = this.#get(key) !== undefined
    this.#documents.delete(key)
    return existed
  }

  #get(key: string): Document | undefined {
    const document = this.#documents.get(key)
    if (document === undefined || document.endsMs > this.#now()) return document
    this.#documents.delete(key)
    return undefined
  }
}

const positionOf = ({ parts }: Document): Position | undefined => parts.at(-1)?.position

const indexOf = ({ parts }: Document, position: Position): number =>
  parts.findIndex((part) => part.position === position)

function since(document: Document, have: Position | undefined): Stored {
  const index = have === undefined ? -1 : indexOf(document, have)
  return {
    position: positionOf(document) ?? '',
    isWhole: index < 0,
    parts: document.parts.slice(index + 1).map(({ bytes }) => bytes.slice()),
    isLong: document.parts.length > MAX_PARTS,
  }
}
