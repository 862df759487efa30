import { connect, type Socket } from 'node:net'
import { invariant, type Clock, type Random } from '@quorate/core'
import type { Blocked, Direction, Directions } from './faults.ts'
import { Lane, type LaneOwner } from './lane.ts'
import type { Shape } from './shape.ts'
import { resetSocket } from './sockets.ts'

/** Why a connection is no more. */
export type CloseReason =
  /** Both sides said they were done. */
  | 'ended'
  /** One side aborted it by itself. */
  | 'aborted'
  /** A fault reset it. */
  | 'reset'
  | 'target-unreachable'
  /** The client left before a partition let it through. */
  | 'gave-up'
  | 'link-closed'

/** What is known about one connection through a link. */
export interface LinkConnection {
  /** 1 for the first connection the link accepted. */
  readonly id: number
  /**
   * `held`: accepted, but a partition keeps it from the target. `open`: both sides are connected.
   * `half-open`: one side was reset and the other has not been told.
   */
  readonly state: 'held' | 'dialling' | 'open' | 'half-open' | 'closed'
  /** Bytes passed on to the target and to the client. */
  readonly bytesTo: number
  readonly bytesFrom: number
  /** Bytes read and not yet passed on. */
  readonly heldBytes: number
}

/** What a connection asks of its link. */
export interface ConnectionOwner {
  readonly clock: Clock
  readonly random: Random
  readonly maxHeldBytes: number
  readonly target: { readonly host: string; readonly port: number }
  shape(direction: Direction): Shape
  opened(connection: Connection): void
  closed(connection: Connection, reason: CloseReason): void
}

/**
 * A client's socket, the socket to the target, and a lane each way.
 *
 * held ─ heal ─▶ dialling ─ connected ─▶ open ─ RST one way ─▶ half-open
 * Each of them ─▶ closed when neither socket is left.
 */
export class Connection implements LinkConnection, LaneOwner {
  readonly id: number
  readonly #owner: ConnectionOwner
  readonly #client: Socket
  readonly #lanes: { readonly to: Lane; readonly from: Lane }
  #target: Socket | undefined
  #state: LinkConnection['state'] = 'held'
  #reason: CloseReason = 'ended'
  #orphan: Direction | undefined
  #stranded = false
  #limit: { left: number; readonly direction: Directions } | undefined

  constructor(id: number, client: Socket, owner: ConnectionOwner) {
    this.id = id
    this.#client = client
    this.#owner = owner
    const lane = (): Lane => new Lane(this, owner.clock, owner.random, owner.maxHeldBytes)
    this.#lanes = { to: lane(), from: lane() }
    this.reshape()
    client.setNoDelay(true)
    client.on('error', () => {}) // 'close' follows and is what counts
    client.on('close', (hadError) => this.#gone(hadError))
    this.#lanes.to.attachSource(client)
  }

  get state(): LinkConnection['state'] {
    return this.#state
  }

  get bytesTo(): number {
    return this.#lanes.to.passedBytes
  }

  get bytesFrom(): number {
    return this.#lanes.from.passedBytes
  }

  get heldBytes(): number {
    return this.#lanes.to.heldBytes + this.#lanes.from.heldBytes
  }

  /** The conditions of the link have changed. */
  reshape(): void {
    this.#lanes.to.shape(this.#owner.shape('to'))
    this.#lanes.from.shape(this.#owner.shape('from'))
  }

  /** Brings the connection in line with the partitions of its link. */
  partition(blocked: Blocked): void {
    if (this.#state === 'closed') return
    if (this.#state === 'held') {
      if (this.#stranded) return
      // A connection is only made when packets pass both ways.
      if (blocked.to === undefined && blocked.from === undefined) this.#dial()
      else if (tells(blocked.to)) this.reset()
      return
    }
    const { to, from } = this.#lanes
    to.block(blocked.to !== undefined)
    from.block(blocked.from !== undefined)
    if (tells(blocked.to)) this.#abort(this.#client)
    if (tells(blocked.from) && this.#target !== undefined) this.#abort(this.#target)
    const orphan = this.#orphan
    if (orphan !== undefined && blocked[opposite(orphan)] === undefined) this.orphaned(this.#lanes[orphan])
  }

  /** Accepted, never answered, not even after a heal. */
  strand(): void {
    this.#stranded = true
  }

  /** Resets the connection when it has passed on `bytes` more. */
  resetAfter(bytes: number, direction: Directions): void {
    this.#limit = { left: bytes, direction }
    this.#lanes.to.limit()
    this.#lanes.from.limit()
    if (bytes === 0) this.reset()
  }

  /** Takes back {@link resetAfter}. */
  forgetLimit(): void {
    this.#limit = undefined
  }

  /** What is on its way arrives now. */
  hurry(): void {
    this.#lanes.to.hurry()
    this.#lanes.from.hurry()
  }

  /** RST to both sides, at once. */
  reset(): void {
    this.#end('reset', resetSocket)
  }

  /** Closes both sides without a word about faults. */
  close(): void {
    this.#end('link-closed', (socket) => socket.destroy())
  }

  allowance(lane: Lane, bytes: number): { readonly bytes: number; readonly last: boolean } {
    const limit = this.#limit
    if (limit === undefined) return { bytes, last: false }
    if (limit.direction !== 'both' && this.#lanes[limit.direction] !== lane) return { bytes, last: false }
    const allowed = Math.min(bytes, limit.left)
    limit.left -= allowed
    return { bytes: allowed, last: limit.left === 0 }
  }

  spent(): void {
    this.reset()
  }

  orphaned(lane: Lane): void {
    const direction: Direction = lane === this.#lanes.to ? 'to' : 'from'
    // The RST that answers such bytes travels the other way, and may be lost there as well.
    if (this.#lanes[opposite(direction)].blocked) this.#orphan = direction
    else this.#end('aborted', resetSocket)
  }

  abandoned(): void {
    this.#end('gave-up', (socket) => socket.destroy())
  }

  #dial(): void {
    this.#state = 'dialling'
    const target = connect({ ...this.#owner.target, allowHalfOpen: true, noDelay: true })
    this.#target = target
    target.on('error', () => {
      if (this.#state !== 'dialling') return
      this.#end('target-unreachable', resetSocket)
    })
    target.on('close', (hadError) => this.#gone(hadError))
    target.on('connect', () => {
      if (this.#state === 'closed') return
      if (this.#state === 'dialling') this.#state = 'open'
      this.#lanes.from.attachSource(target)
      this.#lanes.to.attachSink(target)
      this.#lanes.from.attachSink(this.#client)
      this.#owner.opened(this)
    })
  }

  /** RST to one side; the other keeps its half. */
  #abort(socket: Socket): void {
    if (socket.destroyed) return
    this.#reason = 'reset'
    this.#state = 'half-open'
    const lane = socket === this.#client ? this.#lanes.to : this.#lanes.from
    lane.close()
    resetSocket(socket)
  }

  #end(reason: CloseReason, kill: (socket: Socket) => void): void {
    if (this.#state === 'closed') return
    if (this.#reason === 'ended') this.#reason = reason
    this.#lanes.to.close()
    this.#lanes.from.close()
    if (!this.#client.destroyed) kill(this.#client)
    if (this.#target !== undefined && !this.#target.destroyed) kill(this.#target)
    this.#settle()
  }

  #gone(hadError: boolean): void {
    if (hadError && this.#reason === 'ended') this.#reason = 'aborted'
    this.#settle()
  }

  #settle(): void {
    if (this.#state === 'closed' || !this.#client.destroyed || this.#target?.destroyed === false) return
    this.#state = 'closed'
    this.#lanes.to.close()
    this.#lanes.from.close()
    invariant(this.heldBytes === 0, 'a closed connection holds no bytes')
    this.#owner.closed(this, this.#reason)
  }
}

const opposite = (direction: Direction): Direction => (direction === 'to' ? 'from' : 'to')

/** Is the sender told that its packets are rejected? */
const tells = (mode: Blocked['to']): boolean => mode === 'reset' || mode === 'refuse'
