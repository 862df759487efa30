import type { LinkConnection } from './connection.ts'
import type {
  BandwidthOptions,
  Conditions,
  DropConnectionOptions,
  InitialFaults,
  LatencyOptions,
  LinkLayer,
  PartitionOptions,
  ResetAfterOptions,
  SliceOptions,
} from './faults.ts'

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
   * Sets faults under a name of their own: they hold together with all others, partitions by the harshest
   * and latencies by their sum, and end when the name is given `undefined`. For tools that set and take
   * back faults without knowing of each other.
   */
  layer(name: string, faults: LinkLayer | undefined): Promise<void>
  /**
   * Takes back all faults of this link, layers too; what was held arrives now, in order. The baseline stays, and
   * so does a cut of regions, which {@link Chaos.heal} undoes.
   */
  heal(): Promise<void>
  /** Leads new connections elsewhere; live ones stay where they are until they end. */
  retarget(target: LinkTarget): Promise<void>
  /** Heals, closes all connections and gives up the port. */
  close(): Promise<void>
}
