import type { Socket } from 'node:net'
import { emit, type Clock, type EventListener, type Random } from '@quorate/core'
import { Connection, type CloseReason, type ConnectionOwner, type LinkConnection } from './connection.ts'
import { ChaosClosedError } from './errors.ts'
import type { ChaosEvent } from './events.ts'
import {
  mergePartitions,
  validateFaults,
  type BandwidthOptions,
  type Blocked,
  type Conditions,
  type Direction,
  type DropConnectionOptions,
  type InitialFaults,
  type LatencyOptions,
  type LinkLayer,
  type PartitionOptions,
  type ResetAfterOptions,
  type SliceOptions,
} from './faults.ts'
import type { Link, LinkOptions, LinkStats, LinkTarget } from './link.ts'
import { Listener } from './listener.ts'
import { shapesOf, type Shapes } from './shapes.ts'

/** What a link gets from its chaos. */
export interface LinkContext {
  readonly clock: Clock
  readonly random: Random
  readonly onEvent: EventListener<ChaosEvent> | undefined
  readonly closed: (link: TcpLink) => void
}

/** Marks the partitions of layers among those of the link. */
const LAYER = 'layer '

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
  /** By key: region cuts, layers, and the link's own under ''. */
  readonly #partitions = new Map<string, PartitionOptions>()
  readonly #toDrop = new Map<number, 'reset' | 'drop'>()
  #target: { readonly host: string; readonly port: number }
  #conditions: Conditions
  #shapes: Shapes
  /** Latencies of layers, by their names. */
  readonly #delays = new Map<string, LatencyOptions>()
  #resetAfter: ResetAfterOptions | undefined
  #blocked: Blocked = { to: undefined, from: undefined }
  readonly #listener: Listener
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
    this.#target = { host: target.host ?? '127.0.0.1', port: target.port }
    this.#baseline = baseline
    this.#conditions = { ...baseline, ...conditionsOf(faults) }
    this.#shapes = shapesOf(this.#conditions)
    this.#resetAfter = faults.resetAfter
    if (faults.partition !== undefined) this.#partitions.set('', faults.partition)
    for (const nth of faults.dropConnections ?? []) this.#toDrop.set(nth, 'reset')
    this.#blocked = mergePartitions(this.#partitions.values())
    this.#listener = new Listener({
      host: this.host,
      port: options.port ?? 0,
      accept: (client) => this.#accept(client),
      wanted: () => (this.#closed ? 'closed' : this.#blocked.to === 'refuse' ? 'refusing' : 'listening'),
    })
  }

  get port(): number {
    return this.#listener.port
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
    await this.#listener.apply()
    if (this.#closed) return // while the system was asked for the port
    this.#emit((atMs) => ({ type: 'link-opened', atMs, link: this.name, port: this.port }))
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

  async layer(name: string, faults: LinkLayer | undefined): Promise<void> {
    const key = `${LAYER}${name}`
    if (faults === undefined) {
      const wasSlow = this.#delays.delete(name)
      if (this.#closed || !(wasSlow || this.#partitions.has(key))) return
      this.#reshape()
      this.#emit((atMs) => ({ type: 'layer-removed', atMs, link: this.name, layer: name }))
      return this.applyCut(key, undefined)
    }
    this.#mustBeOpen()
    const { latency, partition } = faults
    validateFaults({ latency, partition })
    if (latency === undefined) this.#delays.delete(name)
    else this.#delays.set(name, latency)
    this.#reshape()
    this.#emit((atMs) => ({ type: 'fault', atMs, link: this.name, fault: faults, layer: name }))
    await this.applyCut(key, partition)
  }

  async heal(): Promise<void> {
    if (this.#closed) return
    this.#mend()
    await this.#listener.apply()
  }

  /** All faults of this link end, and what was held arrives. */
  #mend(): void {
    this.#conditions = this.#baseline
    this.#delays.clear()
    this.#shapes = shapesOf(this.#conditions)
    this.#toDrop.clear()
    this.#resetAfter = undefined
    for (const one of this.#connections) {
      one.forgetLimit()
      one.reshape()
      one.hurry()
    }
    this.#emit((atMs) => ({ type: 'healed', atMs, link: this.name }))
    for (const key of this.#partitions.keys()) {
      if (key === '' || key.startsWith(LAYER)) this.#partitions.delete(key)
    }
    this.#applyPartitions()
  }

  async retarget(target: LinkTarget): Promise<void> {
    this.#mustBeOpen()
    validatePort('target port', target.port, 1)
    this.#target = { host: target.host ?? '127.0.0.1', port: target.port }
    this.#emit((atMs) => ({ type: 'retargeted', atMs, link: this.name, port: target.port }))
  }

  async close(): Promise<void> {
    if (this.#closed) return this.#listener.apply()
    this.#mend()
    this.#closed = true
    for (const one of this.#connections) one.close()
    await this.#listener.apply()
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
    this.#applyPartitions()
    await this.#listener.apply()
  }

  #applyPartitions(): void {
    this.#blocked = mergePartitions(this.#partitions.values())
    for (const one of this.#connections) one.partition(this.#blocked)
  }

  // What connections ask for.

  get target(): { readonly host: string; readonly port: number } {
    return this.#target
  }

  shape(direction: Direction): Shapes[Direction] {
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
    this.#reshape()
    this.#emit((atMs) => ({ type: 'fault', atMs, link: this.name, fault: conditions }))
  }

  #reshape(): void {
    this.#shapes = shapesOf(this.#conditions, [...this.#delays.values()])
    for (const one of this.#connections) one.reshape()
  }

  #accept(client: Socket): void {
    if (this.#closed) return void client.destroy()
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

function validatePort(name: string, port: number, low: number): void {
  if (!Number.isInteger(port) || port < low || port > 65_535) {
    throw new RangeError(`Cannot make link: ${name} must be a whole number from ${low} to 65535, got ${port}`)
  }
}
