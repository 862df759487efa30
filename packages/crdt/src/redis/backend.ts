import {
  type Backend,
  BackendError,
  type Change,
  type Committed,
  type Position,
  type Stored,
} from '../store/backend.ts'
import { call, type RedisLike, type Script } from './client.ts'
import { APPEND, COMPACT, READ, REPLACE } from './scripts.ts'

/** Wait for replicas; see `RedisStoreOptions`. */
export interface Replication {
  readonly replicas: number
  readonly waitMs: number
}

/** Documents in Redis; the layout is in `scripts.ts`. */
export class RedisBackend implements Backend {
  readonly canAppend = true
  readonly #redis: RedisLike
  readonly #prefix: string
  readonly #replication: Replication | undefined

  constructor(redis: RedisLike, prefix: string, replication: Replication | undefined) {
    this.#redis = redis
    this.#prefix = prefix
    this.#replication = replication
  }

  async read(
    key: string,
    have: Position | undefined,
    { isDurable }: { readonly isDurable: boolean },
  ): Promise<Stored | undefined> {
    const isConfirmed = isDurable && this.#replication !== undefined
    const values = [...numberAndTag(have), isConfirmed ? 1 : 0]
    return (await this.#confirmed(() => this.#run(READ, key, values), isConfirmed)).stored
  }

  async commit(key: string, { mode, base, tag, bytes, ttlMs = 0 }: Change): Promise<Committed> {
    const script = mode === 'append' ? APPEND : REPLACE
    const values = [
      ...numberAndTag(base),
      tag,
      bufferOf(bytes),
      ttlMs,
      this.#replication === undefined ? 0 : 1,
    ]
    return this.#confirmed(() => this.#run(script, key, values), true)
  }

  async compact(key: string, at: Position, state: Uint8Array): Promise<void> {
    await this.#run(COMPACT, key, [...numberAndTag(at), bufferOf(state)])
  }

  async remove(key: string): Promise<boolean> {
    try {
      return Number(await call(this.#redis, 'del', this.#keyOf(key))) === 1
    } catch (error) {
      throw told(error)
    }
  }

  /** Runs a script that writes, and waits for the replicas if that is asked for. */
  async #confirmed(run: () => Promise<unknown>, isAsked: boolean): Promise<Committed> {
    const replication = isAsked ? this.#replication : undefined
    if (replication === undefined) return committedOf(await run())
    const [before, reply] = await Promise.all([this.#connection(), run()])
    const committed = committedOf(reply)
    if (!committed.isWritten && committed.stored === undefined) return committed
    const { replicas, waitMs } = replication
    const [count, after] = await Promise.all([
      call(this.#redis, 'wait', replicas, waitMs).then(Number),
      this.#connection(),
    ])
    // WAIT is about the writes of its own connection: on a new one it has nothing to wait for.
    if (before !== after) throw new Error('the connection was lost before the replicas had confirmed')
    if (count >= replicas) return committed
    // It is there: to read it back would say so, and nothing about replicas.
    const cause = new Error(`${count} of ${replicas} replicas have it after ${waitMs} ms`)
    throw new BackendError('unknown', cause, true)
  }

  async #connection(): Promise<string> {
    const info = String(await call(this.#redis, 'client', 'INFO'))
    return /^id=\d+ addr=\S+/.exec(info)?.[0] ?? info
  }

  async #run(script: Script, key: string, values: readonly (string | Buffer | number)[]): Promise<unknown> {
    try {
      return await script.run(this.#redis, this.#keyOf(key), values)
    } catch (error) {
      throw told(error)
    }
  }

  #keyOf(key: string): string {
    return `${this.#prefix}:${key}`
  }
}

/** A server that answers with an error has done nothing; what the driver says otherwise tells nothing. */
function told(error: unknown): unknown {
  return error instanceof Error && error.name === 'ReplyError'
    ? new BackendError('not-applied', error)
    : error
}

function numberAndTag(position: Position | undefined): [number: string, tag: string] {
  if (position === undefined) return ['-1', '']
  const colon = position.indexOf(':')
  return [position.slice(0, colon), position.slice(colon + 1)]
}

function committedOf(reply: unknown): Committed {
  const [written, exists, whole, number, tag, long, ...parts] = reply as unknown[]
  const stored: Stored | undefined =
    exists === 1
      ? {
          position: `${String(number)}:${String(tag)}`,
          isWhole: whole === 1,
          isLong: long === 1,
          parts: parts as Buffer[],
        }
      : undefined
  return { isWritten: written === 1, stored }
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
