import { DecodeError } from '@quorate/vector-clock'
import { isWellFormed } from '../format.ts'
import type { AnyCrdt, StoreClock } from '../store.ts'
import { checkWhole } from '../store/document-store.ts'
import { systemClock, systemRandom } from '../store/system-clock.ts'
import type { Channel } from './channel.ts'
import { SyncError } from './errors.ts'
import { decodeMessage, encodeMessage, LEAST_PART_BYTES, type Message, roomIn } from './message.ts'
import { localReplica, type SyncReplica } from './replica.ts'
import { type DocumentContext, DocumentSync } from './synced-document.ts'
import { callSafely } from './work.ts'

/** Options of {@link syncOver}. */
export interface SyncOptions {
  /**
   * Opens a document that a peer asks for and this side has not opened: what a server has for clients that come.
   * `undefined` if there is none, or it is not for this peer, who is told so (`unknown-document`). It may also `open` the
   * document itself, with options. What it throws is told to `onError`, and the document is not opened. Without `accept`,
   * this side says nothing about documents it has not opened: it may still open them.
   */
  readonly accept?: ((document: string) => AnyCrdt | SyncReplica | undefined) | undefined
  /** Most documents that are open because peers asked for them, from 1. Default 1,000. */
  readonly maxDocuments?: number | undefined
  /**
   * Hears of every document that cannot be synced, and of messages that are none. What it throws, or `onMerge`, disturbs
   * nothing here and becomes an unhandled rejection.
   */
  readonly onError?: ((error: SyncError) => void) | undefined
  /** When to ask again if nothing is heard, ms from 1; doubled each time. Default 250. */
  readonly tickMs?: number | undefined
  /** Longest time between two of them, ms. Default 30,000. */
  readonly maxTickMs?: number | undefined
  /** How often to ask before a peer counts as gone, from 1; if it is heard again, all goes on. Default 20. */
  readonly maxSilence?: number | undefined
  /** Most bytes of a message, from 1,024; larger deltas go in parts. Default 65,536. */
  readonly maxMessageBytes?: number | undefined
  /**
   * Most bytes of a delta, sent or taken. Of deltas that come in parts, this channel keeps four times as much in all.
   * Default 16,777,216.
   */
  readonly maxDeltaBytes?: number | undefined
  /** Default: the machine's. */
  readonly clock?: StoreClock | undefined
  /** Numbers sessions. Default: the machine's. */
  readonly random?: (() => number) | undefined
}

/** Options of {@link Sync.open}. */
export interface OpenOptions {
  /**
   * - `live` (default): what is pushed later goes to the peer as well.
   * - `once`: only what is there now. Leave it open until the peer is done: this side answers its questions.
   */
  readonly mode?: 'live' | 'once' | undefined
  /** The peer had something new, and it is merged: show it, store it, `push()` it to peers on other channels. */
  readonly onMerge?: (() => void) | undefined
  /** Closes the document, and rejects `synced` with `signal.reason` if it is still open. */
  readonly signal?: AbortSignal | undefined
}

/** A document that is being synced. */
export interface SyncedDocument {
  /**
   * Resolves when this replica and a peer first have what the other one had. Rejects with a SyncError if they cannot, if
   * the peer has no such document (`unknown-document`), if nobody answers `maxSilence` questions (`silent`: about seven
   * minutes by default), or it was closed before; with `signal.reason` if that was aborted. After `unknown-document` and
   * `silent` the document stays open: when a peer is heard, all goes on, and `onMerge` tells.
   */
  readonly synced: Promise<void>
  /** The replica has changed: call it after every edit or merge, or group of them. Peers that lack something get it. */
  push(): void
  /** Takes the document off the channel. */
  close(): void
}

/** Documents synced over one channel. */
export interface Sync extends Disposable {
  /**
   * Syncs a replica with that of the same name on the other side.
   *
   * @param document a non-empty well-formed name, the same on both sides.
   * @throws TypeError for another name, or one that is open already.
   */
  open(document: string, replica: AnyCrdt | SyncReplica, options?: OpenOptions): SyncedDocument
  /** Stops; the channel stays the caller's. Nothing is sent or merged after it. */
  close(): void
}

/**
 * Brings replicas on the two ends of a channel to the same state, and keeps them there: each tells what it has by version
 * vector, and sends what the other lacks. Equal replicas exchange one small message each way and then nothing. A digest of
 * the bytes goes with it: two writers with one name may have equal versions and other contents, and are told so when they
 * meet (`diverged`). Loss, duplicates, delay and another order do no harm; for a new connection, make a new one.
 *
 * On a bus of several peers, as a `BroadcastChannel`, each syncs with each.
 *
 * @throws TypeError or RangeError for an option out of its range.
 *
 * @example
 * ```ts
 * const sync = syncOver(webSocketChannel(socket))
 * const shared = sync.open('cart:ann', cart)
 * await shared.synced
 * cart.add('sku-1')
 * shared.push()
 * ```
 */
export function syncOver(channel: Channel, options: SyncOptions = {}): Sync {
  return new ChannelSync(channel, options)
}

const LEAST_MESSAGE_BYTES = 1_024
/** Of `maxDeltaBytes`, for deltas of several documents and peers at once. */
const DELTAS_AT_ONCE = 4
/** Sessions are drawn from so many. */
const SESSIONS = 2 ** 48

/** What there is to be had of a document when its signal was aborted before. */
function abortedDocument({ reason }: AbortSignal): SyncedDocument {
  const synced = Promise.reject<void>(reason)
  synced.catch(() => {})
  return { synced, push: () => undefined, close: () => undefined }
}

class ChannelSync implements Sync {
  readonly #channel: Channel
  readonly #options: SyncOptions
  readonly #clock: StoreClock
  readonly #random: () => number
  readonly #limits: { readonly maxDeltaBytes: number; readonly maxSilence: number }
  readonly #maxMessageBytes: number
  readonly #maxDocuments: number
  readonly #gathered: { bytes: number; readonly maxBytes: number }
  readonly #tickMs: readonly [first: number, most: number]
  readonly #documents = new Map<string, DocumentSync>()
  /** Those that peers asked for. */
  readonly #accepted = new Set<string>()
  readonly #stop = new AbortController()
  /** Aborted when a long sleep is to end early. */
  #nap: AbortController | undefined
  /** What it is called in answers for documents that are not open. */
  #session: number | undefined
  /** What is being accepted, and why. */
  #asked: Message | undefined
  #quietTicks = 0
  #isTicking = false

  constructor(channel: Channel, options: SyncOptions) {
    const { tickMs = 250, maxTickMs = 30_000, maxSilence = 20 } = options
    const { maxMessageBytes = 65_536, maxDeltaBytes = 16_777_216, maxDocuments = 1_000 } = options
    checkWhole('tickMs', tickMs, 1)
    checkWhole('maxTickMs', maxTickMs, tickMs)
    checkWhole('maxSilence', maxSilence, 1)
    checkWhole('maxMessageBytes', maxMessageBytes, LEAST_MESSAGE_BYTES)
    checkWhole('maxDeltaBytes', maxDeltaBytes, 1)
    checkWhole('maxDocuments', maxDocuments, 1)
    if (typeof channel?.send !== 'function' || typeof channel.onMessage !== 'function') {
      throw new TypeError(
        'channel must have send and onMessage, as portChannel, webSocketChannel or streamChannel make it',
      )
    }
    this.#channel = channel
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
    this.#limits = { maxDeltaBytes, maxSilence }
    this.#maxMessageBytes = maxMessageBytes
    this.#maxDocuments = maxDocuments
    this.#gathered = { bytes: 0, maxBytes: DELTAS_AT_ONCE * maxDeltaBytes }
    this.#tickMs = [tickMs, maxTickMs]
    channel.onMessage((bytes) => this.#receive(bytes))
    channel.onClose?.(() => this.close())
  }

  open(
    document: string,
    replica: AnyCrdt | SyncReplica,
    { mode = 'live', onMerge, signal }: OpenOptions = {},
  ): SyncedDocument {
    if (!isWellFormed(document) || document === '' || this.#documents.has(document)) {
      throw new TypeError(
        `document must be a well-formed name that is not open, got ${JSON.stringify(document)}`,
      )
    }
    const partBytes = roomIn(document, this.#maxMessageBytes)
    if (partBytes < LEAST_PART_BYTES) {
      throw new RangeError(
        `document must be a shorter name, or maxMessageBytes larger, got ${JSON.stringify(document)}`,
      )
    }
    if (this.#stop.signal.aborted) throw new SyncError('closed', document)
    if (signal?.aborted === true) return abortedDocument(signal)
    const context: DocumentContext = {
      limits: { ...this.#limits, partBytes },
      send: (message) => this.#send(message),
      wake: () => this.#wake(),
      gathered: this.#gathered,
      onError: (error) => this.#report(error),
    }
    const session = this.#newSession()
    const asked = this.#asked?.document === document ? this.#asked : undefined
    const source = 'read' in replica ? replica : localReplica(replica)
    const facts = { session, isLive: mode === 'live', onMerge, asked }
    const sync = new DocumentSync(document, source, facts, context)
    this.#documents.set(document, sync)
    this.#wake()
    const abort = (): void => this.#leave(document, sync, signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    sync.onClosed = () => signal?.removeEventListener('abort', abort)
    return {
      synced: sync.synced,
      push: () => sync.push(),
      close: () => this.#leave(document, sync),
    }
  }

  #leave(document: string, sync: DocumentSync, reason?: unknown): void {
    if (this.#documents.get(document) === sync) {
      this.#documents.delete(document)
      this.#accepted.delete(document)
    }
    sync.close(reason)
  }

  #newSession(): number {
    return 1 + Math.floor(this.#random() * (SESSIONS - 1))
  }

  close(): void {
    this.#stop.abort()
    this.#nap?.abort()
    for (const document of this.#documents.values()) document.close()
    this.#documents.clear()
    this.#accepted.clear()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #receive(bytes: Uint8Array): void {
    if (this.#stop.signal.aborted) return
    let message: Message | undefined
    try {
      message = decodeMessage(bytes)
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause
      this.#report(new SyncError('unreadable', undefined, cause))
      return
    }
    if (message === undefined) {
      this.#report(new SyncError('protocol', undefined))
      return
    }
    const { document } = message
    if (!this.#documents.has(document)) this.#accept(message)
    const sync = this.#documents.get(document)
    if (sync === undefined) return
    this.#soon()
    sync.receive(message)
  }

  /** Opens what a peer asks for, if it may. Nothing that comes from a peer is thrown into the channel. */
  #accept(message: Message): void {
    const { accept } = this.#options
    const { document } = message
    // Nobody who cannot go on asks for anything.
    if (accept === undefined || message.kind === 'refusal') return
    if (this.#accepted.size >= this.#maxDocuments) {
      this.#report(new SyncError('too-many', document))
      return
    }
    this.#asked = message
    try {
      const replica = accept(document)
      if (replica !== undefined) this.open(document, replica)
      if (this.#documents.has(document)) this.#accepted.add(document)
      else if (message.kind === 'hello') this.#deny(message)
    } catch (cause) {
      this.#report(new SyncError('unreadable', document, cause))
    }
    this.#asked = undefined
  }

  /** A small answer to each hello, which come seldom. */
  #deny({ document, from, number }: Message): void {
    this.#session ??= this.#newSession()
    this.#send({
      kind: 'refusal',
      problem: 'unknown-document',
      document,
      from: this.#session,
      to: from,
      number,
    })
  }

  /** @returns false if it is too large: parts fit, what does not is a version of very many replicas. */
  #send(message: Message): boolean {
    if (this.#stop.signal.aborted) return true
    const bytes = encodeMessage(message)
    if (bytes.length > this.#maxMessageBytes) return false
    try {
      this.#channel.send(bytes)
    } catch {
      // Lost, as it may get lost on the way: it is sent again.
    }
    return true
  }

  #report(error: SyncError): void {
    callSafely(this.#options.onError, error)
  }

  /** Something waits. */
  #wake(): void {
    this.#soon()
    if (!this.#isTicking) void this.#tickOn()
  }

  /** Something happens: the next tick is not as far away as after a long silence. */
  #soon(): void {
    if (this.#quietTicks === 0) return
    this.#quietTicks = 0
    this.#nap?.abort()
  }

  /** Ticks while anything waits for an answer. */
  async #tickOn(): Promise<void> {
    this.#isTicking = true
    const [first, most] = this.#tickMs
    while (!this.#stop.signal.aborted) {
      this.#nap = new AbortController()
      const ms = Math.min(first * 2 ** Math.min(this.#quietTicks, 30), most)
      const isOver = await this.#clock.sleep(ms, { signal: this.#nap.signal }).then(
        () => true,
        () => false,
      )
      // Not by this side: a clock that is of no use any more.
      if (!isOver && !this.#nap.signal.aborted) break
      if (!isOver) continue
      const waiting = [...this.#documents.values()].filter(({ isWaiting }) => isWaiting)
      if (waiting.length === 0) break
      this.#quietTicks++
      for (const document of waiting) document.tick()
    }
    this.#isTicking = false
  }
}
