import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { emit, type Clock, type EventListener, type Random } from '@quorate/core'
import { Connection, type CloseReason, type ConnectionOwner, type LinkConnection } from './connection.ts'
import { ChaosClosedError, LinkListenError } from './errors.ts'
import type { ChaosEvent } from './events.ts'
import {
  directionsOf,
  mergePartitions,
  validateFaults,
  type BandwidthOptions,
  type Blocked,
  type Conditions,
  type Direction,
  type DropConnectionOptions,
  type InitialFaults,
  type LatencyOptions,
  type PartitionOptions,
  type ResetAfterOptions,
  type SliceOptions,
} from './faults.ts'
import { holdPort, type HeldPort } from './held-port.ts'
import { PLAIN, type Pipe, type Shape } from './shape.ts'

/** Where a link leads. */
export interface LinkTarget {
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined
  readonly port: number
}

/** Options of {@link Chaos.link}. */
export interface LinkOptions {
  /** Where the clients are: a region, a service, any name. */
  readonly from: string
  /** Where the target is. */
  readonly to: string
  readonly target: LinkTarget
  /** Name in events. Default `from→to`. */
  readonly name?: string | undefined
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** Port to listen on. Default: a free one. */
  readonly port?: number | undefined
  /** The wire as it always is, for example the distance: what {@link Link.heal} returns to. */
  readonly baseline?: Conditions | undefined
  /** Faults in force before the port listens. */
  readonly faults?: InitialFaults | undefined
  /** Delayed bytes kept per connection and direction; beyond it the sender must wait. Default 8 MiB. */
  readonly maxHeldBytes?: number | undefined
}

/** Counters since the link was made. */
export interface LinkStats {
  readonly accepted: number
  readonly open: number
  /** Accepted but kept from the target by a partition. */
  readonly held: number
  /** Connections ended by an RST that a fault asked for. */
  readonly reset: number
  readonly bytesTo: number
  readonly bytesFrom: number
  readonly heldBytes: number
}

/**
 * A TCP address in front of a target, with faults that can be set and healed at any time. All faults
 * hold alike for live and new connections. Each method resolves when the fault is in force, and rejects
 * with `ChaosClosedError` once the link is closed; only `heal()` and `close()` go on to be allowed.
 */
export interface Link extends AsyncDisposable {
  readonly name: string
  readonly from: string
  readonly to: string
  /** Address for clients; it stays the same for life. */
  readonly host: string
  readonly port: number
  readonly target: { readonly host: string; readonly port: number }
  readonly connections: readonly LinkConnection[]
  readonly stats: LinkStats
  /** Delays bytes (also FIN and RST) one way or both. Bytes already on their way keep their time. */
  latency(options: LatencyOptions): Promise<void>
  /** Limits the rate of bytes. */
  bandwidth(options: BandwidthOptions): Promise<void>
  /** Cuts what passes into small pieces. */
  slice(options: SliceOptions): Promise<void>
  /** Cuts the link, one way or both; replaces an earlier partition of this link. */
  partition(options?: PartitionOptions): Promise<void>
  /** Spoils the `nth` connection that comes from now on; 1 is the next. */
  dropConnection(nth: number, options?: DropConnectionOptions): Promise<void>
  /** Resets each connection, live or new, after it has passed on so many bytes more. */
  resetAfter(options: ResetAfterOptions): Promise<void>
  /** RST to both sides of all live connections, once. */
  resetConnections(): Promise<void>
  /**
   * Takes back all faults of this link; what was held arrives now, in order. The baseline stays, and
   * so does a cut of regions, which {@link Chaos.heal} undoes.
   */
  heal(): Promise<void>
  /** Leads new connections elsewhere; live ones stay where they are until they end. */
  retarget(target: LinkTarget): Promise<void>
  /** Heals, closes all connections and gives up the port. */
  close(): Promise<void>
}

/** What a link gets from its chaos. */
export interface LinkContext {
  readonly clock: Clock
  readonly random: Random
  readonly onEvent: EventListener<ChaosEvent> | undefined
  readonly closed: (link: TcpLink) => void
}

const DEFAULT_MAX_HELD_BYTES = 8 * 1_024 * 1_024

export class TcpLink implements Link, ConnectionOwner {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly host: string
  readonly clock: Clock
  readonly random: Random
  readonly maxHeldBytes: number
  readonly #context: LinkContext
  readonly #baseline: Conditions
  readonly #connections = new Set<Connection>()
  /** Region cuts by key; the link's own partition is under ''. */
  readonly #partitions = new Map<string, PartitionOptions>()
  readonly #toDrop = new Map<number, 'reset' | 'drop'>()
  #target: { readonly host: string; readonly port: number }
  #port: number
  #conditions: Conditions
  #shapes: { readonly to: Shape; readonly from: Shape } = { to: PLAIN, from: PLAIN }
  #resetAfter: ResetAfterOptions | undefined
  #blocked: Blocked = { to: undefined, from: undefined }
  #server: Server | undefined
  #heldPort: HeldPort | undefined
  #listening: Promise<void> = Promise.resolve()
  #closed = false
  #accepted = 0
  #reset = 0
  #doneTo = 0
  #doneFrom = 0

  constructor(options: LinkOptions, context: LinkContext) {
    const { from, to, target, faults = {}, baseline = {}, maxHeldBytes = DEFAULT_MAX_HELD_BYTES } = options
    validateFaults(faults)
    validateFaults(baseline)
    validatePort('port', options.port ?? 0, 0)
    validatePort('target port', target.port, 1)
    if (!(maxHeldBytes >= 1)) {
      throw new RangeError(`Cannot make link: maxHeldBytes must be at least 1, got ${maxHeldBytes}`)
    }
    this.from = from
    this.to = to
    this.name = options.name ?? `${from}→${to}`
    this.host = options.host ?? '127.0.0.1'
    this.clock = context.clock
    this.random = context.random
    this.maxHeldBytes = maxHeldBytes
    this.#context = context
    this.#port = options.port ?? 0
    this.#target = { host: target.host ?? '127.0.0.1', port: target.port }
    this.#baseline = baseline
    this.#conditions = { ...baseline, ...conditionsOf(faults) }
    this.#shapes = shapesOf(this.#conditions)
    this.#resetAfter = faults.resetAfter
    if (faults.partition !== undefined) this.#partitions.set('', faults.partition)
    for (const nth of faults.dropConnections ?? []) this.#toDrop.set(nth, 'reset')
    this.#blocked = mergePartitions(this.#partitions.values())
  }

  get port(): number {
    return this.#port
  }

  get connections(): readonly LinkConnection[] {
    return [...this.#connections]
  }

  get stats(): LinkStats {
    const all = [...this.#connections]
    const sum = (pick: (one: Connection) => number): number =>
      all.reduce((total, one) => total + pick(one), 0)
    return {
      accepted: this.#accepted,
      open: sum(({ state }) => (state === 'open' ? 1 : 0)),
      held: sum(({ state }) => (state === 'held' ? 1 : 0)),
      reset: this.#reset,
      bytesTo: this.#doneTo + sum(({ bytesTo }) => bytesTo),
      bytesFrom: this.#doneFrom + sum(({ bytesFrom }) => bytesFrom),
      heldBytes: sum(({ heldBytes }) => heldBytes),
    }
  }

  /** Listens, with the faults it was made with already in force. */
  async open(cuts: ReadonlyMap<string, PartitionOptions>): Promise<void> {
    for (const [key, cut] of cuts) this.#partitions.set(key, cut)
    this.#blocked = mergePartitions(this.#partitions.values())
    await this.#listen()
    if (this.#closed) return this.#stopListening() // closed while the system was asked for the port
    if (this.#refuses()) await this.#applyListening()
    this.#emit((atMs) => ({ type: 'link-opened', atMs, link: this.name, port: this.#port }))
  }

  async latency(options: LatencyOptions): Promise<void> {
    this.#change({ latency: options })
  }

  async bandwidth(options: BandwidthOptions): Promise<void> {
    this.#change({ bandwidth: options })
  }

  async slice(options: SliceOptions): Promise<void> {
    this.#change({ slice: options })
  }

  async partition(options: PartitionOptions = {}): Promise<void> {
    this.#mustBeOpen()
    validateFaults({ partition: options })
    this.#emit((atMs) => ({ type: 'fault', atMs, link: this.name, fault: { partition: options } }))
    await this.applyCut('', options)
  }

  async dropConnection(nth: number, options: DropConnectionOptions = {}): Promise<void> {
    this.#mustBeOpen()
    validateFaults({ dropConnections: [nth] })
    this.#toDrop.set(this.#accepted + nth, options.mode ?? 'reset')
    this.#emit((atMs) => ({ type: 'fault', atMs, link: this.name, fault: { dropConnections: [nth] } }))
  }

  async resetAfter(options: ResetAfterOptions): Promise<void> {
    this.#mustBeOpen()
    validateFaults({ resetAfter: options })
    this.#resetAfter = options
    this.#emit((atMs) => ({ type: 'fault', atMs, link: this.name, fault: { resetAfter: options } }))
    for (const one of this.#connections) one.resetAfter(options.bytes, options.direction ?? 'both')
  }

  async resetConnections(): Promise<void> {
    this.#mustBeOpen()
    for (const one of this.#connections) one.reset()
  }

  async heal(): Promise<void> {
    if (this.#closed) return
    this.#conditions = this.#baseline
    this.#shapes = shapesOf(this.#conditions)
    this.#toDrop.clear()
    this.#resetAfter = undefined
    for (const one of this.#connections) {
      one.forgetLimit()
      one.reshape()
      one.hurry()
    }
    this.#emit((atMs) => ({ type: 'healed', atMs, link: this.name }))
    await this.applyCut('', undefined)
  }

  async retarget(target: LinkTarget): Promise<void> {
    this.#mustBeOpen()
    validatePort('target port', target.port, 1)
    this.#target = { host: target.host ?? '127.0.0.1', port: target.port }
    this.#emit((atMs) => ({ type: 'retargeted', atMs, link: this.name, port: target.port }))
  }

  async close(): Promise<void> {
    if (this.#closed) return this.#listening
    await this.heal()
    this.#closed = true
    for (const one of this.#connections) one.close()
    await this.#applyListening()
    this.#context.closed(this)
    this.#emit((atMs) => ({ type: 'link-closed', atMs, link: this.name }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Sets or takes back one of the partitions that hold together on this link. */
  async applyCut(key: string, cut: PartitionOptions | undefined): Promise<void> {
    if (cut === undefined) this.#partitions.delete(key)
    else this.#partitions.set(key, cut)
    this.#blocked = mergePartitions(this.#partitions.values())
    for (const one of this.#connections) one.partition(this.#blocked)
    await this.#applyListening()
  }

  // What connections ask for.

  get target(): { readonly host: string; readonly port: number } {
    return this.#target
  }

  shape(direction: Direction): Shape {
    return this.#shapes[direction]
  }

  opened(connection: Connection): void {
    this.#emit((atMs) => ({ type: 'connection-opened', atMs, link: this.name, connection: connection.id }))
  }

  closed(connection: Connection, reason: CloseReason): void {
    this.#connections.delete(connection)
    const { id, bytesTo, bytesFrom } = connection
    this.#doneTo += bytesTo
    this.#doneFrom += bytesFrom
    if (reason === 'reset') this.#reset++
    this.#emit((atMs) => ({
      type: 'connection-closed',
      atMs,
      link: this.name,
      connection: id,
      reason,
      bytesTo,
      bytesFrom,
    }))
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new ChaosClosedError({ action: 'set faults', target: `link ${this.name}` })
  }

  #change(conditions: Conditions): void {
    this.#mustBeOpen()
    validateFaults(conditions)
    this.#conditions = { ...this.#conditions, ...conditions }
    this.#shapes = shapesOf(this.#conditions)
    for (const one of this.#connections) one.reshape()
    this.#emit((atMs) => ({ type: 'fault', atMs, link: this.name, fault: conditions }))
  }

  #accept(client: Socket): void {
    const id = ++this.#accepted
    const drop = this.#toDrop.get(id)
    this.#toDrop.delete(id)
    const connection = new Connection(id, client, this)
    this.#connections.add(connection)
    if (drop === 'reset') return connection.reset()
    if (this.#resetAfter !== undefined) {
      connection.resetAfter(this.#resetAfter.bytes, this.#resetAfter.direction ?? 'both')
    }
    if (drop === 'drop') connection.strand()
    else connection.partition(this.#blocked)
    if (connection.state === 'held') {
      this.#emit((atMs) => ({ type: 'connection-held', atMs, link: this.name, connection: id }))
    }
  }

  #refuses(): boolean {
    return this.#blocked.to === 'refuse'
  }

  /** Brings the listening socket in line with the faults, one change after another. */
  #applyListening(): Promise<void> {
    const next = this.#applyListeningAfter(this.#listening)
    this.#listening = next.catch(() => {})
    return next
  }

  async #applyListeningAfter(earlier: Promise<void>): Promise<void> {
    await earlier
    if (this.#closed) {
      this.#stopListening()
      this.#releasePort()
    } else if (!this.#refuses()) {
      if (this.#server === undefined) await this.#listen()
    } else if (this.#server !== undefined) {
      this.#heldPort = await holdPort(this.host, this.#port, () => this.#stopListening())
    }
  }

  #stopListening(): void {
    this.#server?.close()
    this.#server = undefined
  }

  #releasePort(): void {
    this.#heldPort?.release()
    this.#heldPort = undefined
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client))
      const fail = (cause: unknown): void => {
        reject(new LinkListenError({ host: this.host, port: this.#port, cause }))
      }
      server.once('error', fail)
      this.#releasePort()
      server.listen({ host: this.host, port: this.#port, backlog: 1_024 }, () => {
        server.off('error', fail)
        server.on('error', () => {}) // a failed accept concerns one client, which sees it itself
        this.#server = server
        this.#port = (server.address() as AddressInfo).port
        resolve()
      })
    })
  }

  #emit(build: (atMs: number) => ChaosEvent): void {
    emit(this.#context.onEvent, () => build(this.clock.now()))
  }
}

function conditionsOf({ latency, bandwidth, slice }: InitialFaults): Conditions {
  return {
    ...(latency === undefined ? {} : { latency }),
    ...(bandwidth === undefined ? {} : { bandwidth }),
    ...(slice === undefined ? {} : { slice }),
  }
}

/** One shape object per direction for the whole link, so that connections share its pipe. */
function shapesOf({ latency, bandwidth, slice }: Conditions): { to: Shape; from: Shape } {
  const shape = (side: Direction): Shape => {
    const has = <T extends { readonly direction?: Direction | 'both' | undefined }>(fault: T | undefined) =>
      fault !== undefined && directionsOf(fault.direction).includes(side) ? fault : undefined
    const delay = has(latency)
    const cut = has(slice)
    const rate = has(bandwidth)
    const pipe: Pipe = { freeAtMs: -Infinity }
    const slow = delay !== undefined && (delay.ms > 0 || (delay.jitterMs ?? 0) > 0)
    const limited = rate !== undefined && rate.bytesPerSecond !== Infinity
    if (!slow && cut === undefined && !limited) return PLAIN
    return {
      latency: slow ? { ms: delay.ms, jitterMs: delay.jitterMs ?? 0 } : undefined,
      slice: cut === undefined ? undefined : { bytes: cut.bytes, delayMs: cut.delayMs ?? 0 },
      bandwidth: limited
        ? { bytesPerSecond: rate.bytesPerSecond, pipe: rate.per === 'connection' ? undefined : pipe }
        : undefined,
    }
  }
  return { to: shape('to'), from: shape('from') }
}

function validatePort(name: string, port: number, low: number): void {
  if (!Number.isInteger(port) || port < low || port > 65_535) {
    throw new RangeError(`Cannot make link: ${name} must be a whole number from ${low} to 65535, got ${port}`)
  }
}
