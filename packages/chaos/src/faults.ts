/**
 * A link runs `from` a client side `to` a target side. `to` names the traffic towards the target,
 * `from` the traffic back to the client.
 */
export type Direction = 'to' | 'from'

/** One direction of a link, or both. */
export type Directions = Direction | 'both'

/** Options of {@link Link.latency}. */
export interface LatencyOptions {
  /** One-way delay of every byte, ms, 0 or more. */
  readonly ms: number
  /** Each piece waits `ms` ± up to this, uniformly, never below 0; order is kept. Default 0. */
  readonly jitterMs?: number | undefined
  /** Default `both`: each way waits `ms`, so a round trip takes twice that. */
  readonly direction?: Directions | undefined
}

/** Options of {@link Link.bandwidth}. */
export interface BandwidthOptions {
  /** Rate of one direction, above 0. `Infinity` lifts the limit. */
  readonly bytesPerSecond: number
  /** Is the rate shared by all connections of the link, or does each have its own? Default `link`. */
  readonly per?: 'link' | 'connection' | undefined
  /** Default `both`; the directions never share a rate. */
  readonly direction?: Directions | undefined
}

/** Options of {@link Link.slice}. */
export interface SliceOptions {
  /** Pieces written at once are no longer than this; a whole number from 1. */
  readonly bytes: number
  /** Pause between the pieces of one read, ms. Default 0. */
  readonly delayMs?: number | undefined
  /** Default `both`. */
  readonly direction?: Directions | undefined
}

/**
 * How a partition treats what it catches:
 * - `drop`: nothing passes, nothing is closed, nobody is told. Bytes wait and arrive after the heal, as TCP's
 *   retransmission would bring them. New connections are accepted by the kernel but hang.
 * - `reset`: live and new connections get an RST. With one direction, only the side that sends that way
 *   is told; the other side keeps a half-open connection.
 * - `refuse`: as `reset` for live connections; new ones find nobody listening (ECONNREFUSED).
 */
export type PartitionMode = 'drop' | 'reset' | 'refuse'

/** Options of {@link Link.partition} and {@link Chaos.cut}. */
export interface PartitionOptions {
  /** Default `drop`. */
  readonly mode?: PartitionMode | undefined
  /** Default `both`. */
  readonly direction?: Directions | undefined
}

/** Options of {@link Link.dropConnection}. */
export interface DropConnectionOptions {
  /** `reset` answers the connection with an RST, `drop` accepts it and never answers. Default `reset`. */
  readonly mode?: 'reset' | 'drop' | undefined
}

/** Options of {@link Link.resetAfter}. */
export interface ResetAfterOptions {
  /** Each connection, live or new, is reset when it has passed on this many more bytes; 0 or more. */
  readonly bytes: number
  /** Which bytes count. Default `both` together. */
  readonly direction?: Directions | undefined
}

/** The lasting shape of a wire, as opposed to something broken. */
export interface Conditions {
  readonly latency?: LatencyOptions | undefined
  readonly bandwidth?: BandwidthOptions | undefined
  readonly slice?: SliceOptions | undefined
}

/** Faults that hold before the port listens, so that not even the first connection escapes them. */
export interface InitialFaults extends Conditions {
  readonly partition?: PartitionOptions | undefined
  readonly resetAfter?: ResetAfterOptions | undefined
  /** As {@link Link.dropConnection}: which of the coming connections, 1 is the first. */
  readonly dropConnections?: readonly number[] | undefined
}

/** What can be set by {@link Link.layer}. */
export interface LinkLayer {
  readonly partition?: PartitionOptions | undefined
  /** Added to the latency of the link and of other layers. */
  readonly latency?: LatencyOptions | undefined
}

/** What happens to traffic in one direction. */
export interface Blocked {
  readonly to: PartitionMode | undefined
  readonly from: PartitionMode | undefined
}

const SEVERITY: Record<PartitionMode, number> = { drop: 1, reset: 2, refuse: 3 }

/** Merges overlapping partitions: in each direction the harshest wins. */
export function mergePartitions(partitions: Iterable<PartitionOptions>): Blocked {
  const blocked: { to: PartitionMode | undefined; from: PartitionMode | undefined } = {
    to: undefined,
    from: undefined,
  }
  for (const { mode = 'drop', direction = 'both' } of partitions) {
    for (const side of directionsOf(direction)) {
      const current = blocked[side]
      if (current === undefined || SEVERITY[mode] > SEVERITY[current]) blocked[side] = mode
    }
  }
  return blocked
}

export function directionsOf(direction: Directions | undefined): readonly Direction[] {
  return direction === undefined || direction === 'both' ? ['to', 'from'] : [direction]
}

/** @throws RangeError when a number is out of its range, TypeError for an unknown word. */
export function validateFaults(faults: InitialFaults): void {
  const { latency, bandwidth, slice, partition, resetAfter, dropConnections } = faults
  if (latency !== undefined) {
    atLeast('latency ms', latency.ms, 0)
    atLeast('latency jitterMs', latency.jitterMs ?? 0, 0)
    oneOf('latency direction', latency.direction ?? 'both', ['to', 'from', 'both'])
  }
  if (bandwidth !== undefined) {
    if (!(bandwidth.bytesPerSecond > 0)) {
      throw new RangeError(
        `Cannot set bandwidth: bytesPerSecond must be above 0, got ${bandwidth.bytesPerSecond}`,
      )
    }
    oneOf('bandwidth per', bandwidth.per ?? 'link', ['link', 'connection'])
    oneOf('bandwidth direction', bandwidth.direction ?? 'both', ['to', 'from', 'both'])
  }
  if (slice !== undefined) {
    wholeFrom('slice bytes', slice.bytes, 1)
    atLeast('slice delayMs', slice.delayMs ?? 0, 0)
    oneOf('slice direction', slice.direction ?? 'both', ['to', 'from', 'both'])
  }
  if (partition !== undefined) {
    oneOf('partition mode', partition.mode ?? 'drop', ['drop', 'reset', 'refuse'])
    oneOf('partition direction', partition.direction ?? 'both', ['to', 'from', 'both'])
  }
  if (resetAfter !== undefined) {
    wholeFrom('resetAfter bytes', resetAfter.bytes, 0)
    oneOf('resetAfter direction', resetAfter.direction ?? 'both', ['to', 'from', 'both'])
  }
  for (const nth of dropConnections ?? []) wholeFrom('dropConnection nth', nth, 1)
}

function atLeast(name: string, value: number, low: number): void {
  if (!(value >= low) || value === Infinity) {
    throw new RangeError(`Cannot set fault: ${name} must be a finite number from ${low}, got ${value}`)
  }
}

function wholeFrom(name: string, value: number, low: number): void {
  if (!Number.isSafeInteger(value) || value < low) {
    throw new RangeError(`Cannot set fault: ${name} must be a whole number from ${low}, got ${value}`)
  }
}

function oneOf(name: string, value: string, words: readonly string[]): void {
  if (!words.includes(value)) {
    throw new TypeError(`Cannot set fault: ${name} must be one of ${words.join(', ')}, got ${value}`)
  }
}
