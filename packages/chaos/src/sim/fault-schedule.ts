import type { Random } from '@quorate/core'
import type { NodeId } from './env.ts'
import { type Fault, FAULT_KINDS, type FaultKind, type FaultWindow } from './faults.ts'
import { requireCount, requireRange } from './validate.ts'

/** Which faults a seed draws. */
export interface FaultOptions {
  /** Default: all. A seed uses some of them, so that a frequent kind does not drown the others. */
  readonly kinds?: readonly FaultKind[] | undefined
  /** A seed has 0 to so many faults. Default 4. */
  readonly max?: number | undefined
  /** All begin and end in this time, ms. Default 300. */
  readonly withinMs?: number | undefined
  /** Least and most length of one, ms. Default 5 to 150. */
  readonly forMs?: readonly [number, number] | undefined
  /**
   * Who crashes, stands still, or has a bad clock or disk. Default: everyone has pauses and bad clocks; the `nodes`,
   * or the `clients` if there are none, crash and have slow disks.
   */
  readonly on?: readonly NodeId[] | undefined
}

/** Who there is to harm. */
export interface Cluster {
  readonly nodes: readonly NodeId[]
  readonly clients: readonly NodeId[]
}

/**
 * The faults of one seed: a pure function of the stream. Seeds differ in which kinds they use at all ("swarm
 * testing": Groce et al., ISSTA 2012).
 */
export function drawFaults(random: Random, cluster: Cluster, options: FaultOptions = {}): Fault[] {
  const { kinds = FAULT_KINDS, max = 4, withinMs = 300, forMs = [5, 150] } = options
  requireCount('draw faults', 'max', max)
  requireRange('draw faults', 'withinMs', withinMs, 1)
  requireRange('draw faults', 'forMs', forMs[0], 1)
  requireRange('draw faults', 'forMs', forMs[1], forMs[0])
  const everyone = [...cluster.nodes, ...cluster.clients]
  const servers = cluster.nodes.length > 0 ? cluster.nodes : cluster.clients
  const victims = (kind: FaultKind): readonly NodeId[] =>
    kind === 'cut'
      ? everyone
      : (options.on ?? (kind === 'crash' || kind === 'slow-disk' ? servers : everyone))
  const usable = kinds.filter((kind) => victims(kind).length > (kind === 'cut' ? 1 : 0))
  const swarm = usable.filter(() => random() < 0.5)
  const drawn = swarm.length > 0 ? swarm : usable
  if (drawn.length === 0) return []

  const faults: Fault[] = []
  for (let left = below(random, max + 1); left > 0; left--) {
    const lengthMs = Math.min(withinMs, forMs[0] + below(random, forMs[1] - forMs[0] + 1))
    const window = { atMs: below(random, withinMs - lengthMs + 1), forMs: lengthMs }
    const kind = pick(random, drawn)
    faults.push(drawOne(kind, random, window, victims(kind)))
  }
  return faults.toSorted((a, b) => a.atMs - b.atMs)
}

function drawOne(kind: FaultKind, random: Random, window: FaultWindow, on: readonly NodeId[]): Fault {
  switch (kind) {
    case 'cut':
      return { ...window, kind, ...drawSides(random, on), bothWays: random() < 0.6 }
    case 'crash':
      return { ...window, kind, node: pick(random, on), mixed: random() < 0.5 }
    case 'pause':
      return { ...window, kind, node: pick(random, on) }
    case 'loss':
    case 'duplicate':
      return { ...window, kind, rate: pick(random, [0.05, 0.2, 0.5]) }
    case 'delay':
      return { ...window, kind, upToMs: pick(random, [20, 60, 200]) }
    case 'skew':
      return {
        ...window,
        kind,
        node: pick(random, on),
        byMs: sign(random) * pick(random, [5, 50, 500, 60_000]),
      }
    case 'drift':
      return {
        ...window,
        kind,
        node: pick(random, on),
        ppm: sign(random) * pick(random, [200, 20_000, 300_000]),
      }
    case 'slow-disk':
      return { ...window, kind, node: pick(random, on), byMs: pick(random, [10, 50, 200]) }
    default:
      throw new RangeError(`Cannot draw faults: there is no kind "${String(kind satisfies never)}"`)
  }
}

/** One against one, one against all, or two groups. */
function drawSides(random: Random, everyone: readonly NodeId[]): { from: NodeId[]; to: NodeId[] } {
  const mixed = everyone.map((id) => ({ id, by: random() })).toSorted((a, b) => a.by - b.by)
  const ids = mixed.map(({ id }) => id)
  const shape = below(random, 3)
  const size = shape < 2 ? 1 : 1 + below(random, ids.length - 1)
  const rest = shape === 0 ? ids.slice(1, 2) : ids.slice(size)
  return { from: ids.slice(0, size).toSorted(), to: rest.toSorted() }
}

/** A whole number from 0, below `end`. */
const below = (random: Random, end: number): number => Math.floor(random() * end)
const sign = (random: Random): number => (random() < 0.5 ? -1 : 1)

function pick<T>(random: Random, from: readonly T[]): T {
  return from[below(random, from.length)] as T
}
