import type { Socket } from 'node:net'
import type { Clock, Random } from '@quorate/core'
import { Alarm } from './alarm.ts'
import { pieceBytes, PLAIN, Schedule, type Shape } from './shape.ts'
import { endSocket, resetSocket } from './sockets.ts'

/** What travels a lane: bytes, the end of the stream (FIN) or its abortion (RST), in order. */
type Freight = Buffer | 'end' | 'reset'

interface Item {
  readonly freight: Freight
  readonly dueMs: number
}

/** What a lane asks of the connection it belongs to. */
export interface LaneOwner {
  /** How many of these bytes may still pass, and are they the last ones? */
  allowance(lane: Lane, bytes: number): { readonly bytes: number; readonly last: boolean }
  /** The last of the allowed bytes are with the system. */
  spent(): void
  /** Bytes came out of the source for a sink that is gone. */
  orphaned(lane: Lane): void
  /** The source was aborted before there was a sink, or ended: nobody is left to talk to. */
  abandoned(): void
}

/** A wire with a limited rate accepts this much ahead of time, ms; more would be a queue nobody ordered. */
const WIRE_QUEUE_MS = 20
/** What a connection that cannot be passed on yet may send ahead. */
const UNDIALLED_BYTES = 65_536

/**
 * One direction of one connection: reads from a source socket, keeps what is delayed, writes to a
 * sink socket. With no fault set, a read is written on in the same turn.
 *
 * A blocked lane does not read, so back-pressure, FIN and RST all wait in the kernel, as they would
 * behind a network that loses every packet.
 */
export class Lane {
  readonly #owner: LaneOwner
  readonly #clock: Clock
  readonly #maxHeldBytes: number
  readonly #schedule: Schedule
  readonly #alarm: Alarm
  readonly #wireAlarm: Alarm
  #source: Socket | undefined
  #sink: Socket | undefined
  #queue: Item[] = []
  #head = 0
  #heldBytes = 0
  #passedBytes = 0
  #shape: Shape = PLAIN
  #blocked = false
  #limited = false
  #wireFreeMs = -Infinity
  #sourceDone = false
  #closed = false

  constructor(owner: LaneOwner, clock: Clock, random: Random, maxHeldBytes: number) {
    this.#owner = owner
    this.#clock = clock
    this.#maxHeldBytes = maxHeldBytes
    this.#schedule = new Schedule(random)
    this.#alarm = new Alarm(clock, () => this.flush())
    this.#wireAlarm = new Alarm(clock, () => this.#steer())
  }

  /** Bytes written to the sink. */
  get passedBytes(): number {
    return this.#passedBytes
  }

  /** Bytes read and not yet written. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  get blocked(): boolean {
    return this.#blocked
  }

  /** Starts to read from a socket that must not have been read before. */
  attachSource(source: Socket): void {
    this.#source = source
    source.on('data', (chunk) => this.#push(chunk))
    source.on('end', () => this.#finish('end'))
    source.on('close', () => this.#finish('reset'))
    this.#steer()
  }

  /** Starts to write to a connected socket. */
  attachSink(sink: Socket): void {
    this.#sink = sink
    sink.on('drain', () => this.flush())
    this.flush()
  }

  /** What the wire does to bytes read from now on. */
  shape(shape: Shape): void {
    this.#shape = shape
  }

  /** Stops or starts the lane; nothing is lost meanwhile. */
  block(blocked: boolean): void {
    if (this.#blocked === blocked) return
    this.#blocked = blocked
    if (blocked) this.#alarm.cancel()
    this.flush()
  }

  /** Ask the owner for each piece from now on. */
  limit(): void {
    this.#limited = true
  }

  /** Everything on its way arrives now, unless the lane is blocked. */
  hurry(): void {
    this.#queue = this.#queue.slice(this.#head).map(({ freight }) => ({ freight, dueMs: -Infinity }))
    this.#head = 0
    this.#wireFreeMs = -Infinity
    this.#schedule.reset()
    this.flush()
  }

  /** Forgets what is held and moves nothing any more. */
  close(): void {
    this.#closed = true
    this.#alarm.cancel()
    this.#wireAlarm.cancel()
    this.#queue = []
    this.#head = 0
    this.#heldBytes = 0
  }

  #push(chunk: Buffer): void {
    if (this.#closed) return
    if (
      this.#shape === PLAIN &&
      !this.#blocked &&
      this.#sink !== undefined &&
      this.#head === this.#queue.length
    ) {
      if (this.#write(chunk)) return
      this.#steer()
      return
    }
    const size = pieceBytes(this.#shape)
    const nowMs = this.#clock.monotonic()
    for (let at = 0; at < chunk.length; at += size) {
      const piece = size >= chunk.length ? chunk : chunk.subarray(at, at + size)
      const { sentMs, dueMs } = this.#schedule.next(nowMs, piece.length, at > 0, this.#shape)
      this.#wireFreeMs = sentMs
      this.#queue.push({ freight: piece, dueMs })
      this.#heldBytes += piece.length
      if (size === Infinity) break
    }
    this.flush()
  }

  /** FIN and RST take the same way and the same time as the bytes before them. */
  #finish(freight: 'end' | 'reset'): void {
    if (this.#closed || this.#sourceDone) return
    this.#sourceDone = true
    if (this.#sink === undefined) {
      this.#owner.abandoned()
      return
    }
    const { dueMs } = this.#schedule.next(this.#clock.monotonic(), 0, false, this.#shape)
    this.#queue.push({ freight, dueMs })
    this.flush()
  }

  /** Delivers what is due, sets the alarm for what is not, and lets the source read or wait. */
  flush(): void {
    const sink = this.#sink
    if (this.#closed) return
    if (sink !== undefined && !this.#blocked) {
      const nowMs = this.#clock.monotonic()
      for (;;) {
        const item = this.#queue[this.#head]
        if (item === undefined || sink.writableNeedDrain) break
        if (item.dueMs > nowMs) {
          this.#alarm.set(item.dueMs)
          break
        }
        this.#head++
        this.#deliver(sink, item.freight)
        if (this.#closed) return
      }
      if (this.#head > 1_024 || this.#head === this.#queue.length) {
        this.#queue.splice(0, this.#head)
        this.#head = 0
      }
    }
    this.#steer()
  }

  #deliver(sink: Socket, freight: Freight): void {
    if (typeof freight !== 'string') {
      this.#heldBytes -= freight.length
      this.#write(freight)
    } else if (sink.destroyed) this.#owner.orphaned(this)
    else if (freight === 'end') endSocket(sink)
    else resetSocket(sink)
  }

  /** @returns false if the sink asks for a pause. */
  #write(chunk: Buffer): boolean {
    const sink = this.#sink
    if (sink === undefined || sink.destroyed || sink.writableEnded) {
      this.#owner.orphaned(this)
      return true
    }
    if (!this.#limited) {
      this.#passedBytes += chunk.length
      return sink.write(chunk)
    }
    const { bytes, last } = this.#owner.allowance(this, chunk.length)
    this.#passedBytes += bytes
    return sink.write(bytes < chunk.length ? chunk.subarray(0, bytes) : chunk, () => {
      if (last) this.#owner.spent()
    })
  }

  /** The one place that decides whether the source may be read. */
  #steer(): void {
    const source = this.#source
    if (source === undefined || source.destroyed) return
    if (this.#mayRead()) {
      if (source.isPaused()) source.resume()
    } else if (!source.isPaused()) source.pause()
  }

  #mayRead(): boolean {
    const sink = this.#sink
    if (sink === undefined) return this.#heldBytes < UNDIALLED_BYTES
    if (this.#blocked || sink.writableNeedDrain || this.#heldBytes >= this.#maxHeldBytes) return false
    const fullUntilMs = this.#wireFreeMs - WIRE_QUEUE_MS
    if (fullUntilMs <= this.#clock.monotonic()) return true
    this.#wireAlarm.set(fullUntilMs)
    return false
  }
}
