import { DecodeError } from '@quorate/vector-clock'
import { isWellFormed } from '../format.ts'
import type { AnyCrdt, StoreClock } from '../store.ts'
import { checkWhole } from '../store/document-store.ts'
import { systemClock, systemRandom } from '../store/system-clock.ts'
import type { Channel } from './channel.ts'
import { SyncError } from './errors.ts'
import { decodeMessage, encodeMessage, type Message, roomIn } from './message.ts'
import { localReplica, type SyncReplica } from './replica.ts'
import { type DocumentContext, DocumentSync } from './synced-document.ts'

/** Options of {@link syncOver}. */
export interface SyncOptions {
  /**
   * Opens a document that a peer asks for and this side has not opened: what a server has for clients that come.
   * `undefined` if there is none, or it is not for this peer.
   */
  readonly accept?: ((document: string) => AnyCrdt | SyncReplica | undefined) | undefined
  /** Hears of every document that cannot be synced, and of messages that are none. What it throws is thrown on. */
  readonly onError?: ((error: SyncError) => void) | undefined
  /** When to ask again if nothing is heard, ms from 1; doubled each time. Default 250. */
  readonly tickMs?: number | undefined
  /** Longest time between two of them, ms. Default 30,000. */
  readonly maxTickMs?: number | undefined
  /** How often to ask before a peer counts as gone, from 1; if it is heard again, all goes on. Default 20. */
  readonly maxSilence?: number | undefined
  /** Most bytes of a message, from 1,024; larger deltas go in parts. Default 65,536. */
  readonly maxMessageBytes?: number | undefined
  /** Most bytes of a delta, sent or taken, and of memory for a delta that comes in parts. Default 16,777,216. */
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
}

/** A document that is being synced. */
export interface SyncedDocument {
  /**
   * Resolves when this replica and a peer first have what the other one had. Rejects with a SyncError if they cannot, or
   * it was closed before.
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
 * vector, and sends what the other lacks. Equal replicas exchange one small message each way and then nothing. Loss,
 * duplicates, delay and another order do no harm; for a new connection, make a new one.
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
/** Sessions are drawn from so many. */
const SESSIONS = 2 ** 48

class ChannelSync implements Sync {
  readonly #channel: Channel
  readonly #options: SyncOptions
  readonly #clock: StoreClock
  readonly #random: () => number
  readonly #limits: { readonly maxDeltaBytes: number; readonly maxSilence: number }
  readonly #maxMessageBytes: number
  readonly #tickMs: readonly [first: number, most: number]
  readonly #documents = new Map<string, DocumentSync>()
  readonly #stop = new AbortController()
  /** Aborted when a long sleep is to end early. */
  #nap: AbortController | undefined
  #quietTicks = 0
  #isTicking = false

  constructor(channel: Channel, options: SyncOptions) {
    const { tickMs = 250, maxTickMs = 30_000, maxSilence = 20 } = options
    const { maxMessageBytes = 65_536, maxDeltaBytes = 16_777_216 } = options
    checkWhole('tickMs', tickMs, 1)
    checkWhole('maxTickMs', maxTickMs, tickMs)
    checkWhole('maxSilence', maxSilence, 1)
    checkWhole('maxMessageBytes', maxMessageBytes, LEAST_MESSAGE_BYTES)
    checkWhole('maxDeltaBytes', maxDeltaBytes, 1)
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
    this.#tickMs = [tickMs, maxTickMs]
    channel.onMessage((bytes) => this.#receive(bytes))
    channel.onClose?.(() => this.close())
  }

  open(
    document: string,
    replica: AnyCrdt | SyncReplica,
    { mode = 'live', onMerge }: OpenOptions = {},
  ): SyncedDocument {
    if (!isWellFormed(document) || document === '' || this.#documents.has(document)) {
      throw new TypeError(
        `document must be a well-formed name that is not open, got ${JSON.stringify(document)}`,
      )
    }
    const partBytes = roomIn(document, this.#maxMessageBytes)
    if (partBytes < LEAST_MESSAGE_BYTES / 4) {
      throw new RangeError(
        `document must be a shorter name, or maxMessageBytes larger, got ${JSON.stringify(document)}`,
      )
    }
    if (this.#stop.signal.aborted) throw new SyncError('closed', document)
    const context: DocumentContext = {
      limits: { ...this.#limits, partBytes },
      send: (message) => this.#send(message),
      wake: () => this.#wake(),
      onError: (error) => this.#options.onError?.(error),
    }
    const session = 1 + Math.floor(this.#random() * (SESSIONS - 1))
    const source = 'read' in replica ? replica : localReplica(replica)
    const sync = new DocumentSync(document, source, { session, isLive: mode === 'live', onMerge }, context)
    this.#documents.set(document, sync)
    this.#wake()
    return {
      synced: sync.synced,
      push: () => sync.push(),
      close: () => {
        if (this.#documents.get(document) === sync) this.#documents.delete(document)
        sync.close()
      },
    }
  }

  close(): void {
    this.#stop.abort()
    this.#nap?.abort()
    for (const document of this.#documents.values()) document.close()
    this.#documents.clear()
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
      this.#options.onError?.(new SyncError('unreadable', undefined, cause))
      return
    }
    if (message === undefined) {
      this.#options.onError?.(new SyncError('protocol', undefined))
      return
    }
    this.#soon()
    const { document } = message
    if (!this.#documents.has(document)) {
      const replica = this.#options.accept?.(document)
      if (replica === undefined) return
      this.open(document, replica)
    }
    this.#documents.get(document)?.receive(message)
  }

  #send(message: Message): void {
    if (this.#stop.signal.aborted) return
    const bytes = encodeMessage(message)
    if (bytes.length > this.#maxMessageBytes) {
      // Parts fit; what does not is a version of very many replicas.
      this.#options.onError?.(new SyncError('too-large', message.document))
      return
    }
    try {
      this.#channel.send(bytes)
    } catch {
      // Lost, as it may get lost on the way: it is sent again.
    }
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
      if (!isOver) continue
      const waiting = [...this.#documents.values()].filter(({ isWaiting }) => isWaiting)
      if (waiting.length === 0) break
      this.#quietTicks++
      for (const document of waiting) document.tick()
    }
    this.#isTicking = false
  }
}
