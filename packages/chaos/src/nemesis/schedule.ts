import type { PartitionMode } from '../faults.ts'

/** One way between two nodes. */
export interface Way {
  readonly from: string
  readonly to: string
}

/** What is done to whom, by names of a topology. */
export type FaultAction =
  /** Nothing passes between nodes on different sides. Who is on no side is left alone. */
  | {
      readonly type: 'partition'
      readonly mode: PartitionMode
      readonly sides: readonly (readonly string[])[]
    }
  /** What `from` sends does not reach `to`. */
  | { readonly type: 'one-way'; readonly mode: PartitionMode; readonly ways: readonly Way[] }
  | { readonly type: 'kill' | 'pause'; readonly nodes: readonly string[] }
  | { readonly type: 'clock-skew'; readonly ms: number; readonly nodes: readonly string[] }
  | { readonly type: 'clock-drift'; readonly ppm: number; readonly nodes: readonly string[] }
  /** Each way of these links waits `ms` ± `jitterMs` more. */
  | {
      readonly type: 'slow-links'
      readonly ms: number
      readonly jitterMs: number
      readonly links: readonly Way[]
    }

/** A fault and its time: from `atMs` after the start, for `lastsMs`. */
export interface ScheduledFault {
  readonly atMs: number
  readonly lastsMs: number
  readonly action: FaultAction
}

/** All that a nemesis will do, in order of `atMs`. Data: print it, keep it, run it again. */
export interface Schedule {
  /** How long it runs; every fault has ended by then. */
  readonly forMs: number
  readonly faults: readonly ScheduledFault[]
}

export const endMs = ({ atMs, lastsMs }: ScheduledFault): number => atMs + lastsMs

/** A fault in the words of a history. */
export function describeFault(action: FaultAction): {
  readonly name: string
  readonly targets: readonly string[]
  readonly detail: string | undefined
} {
  switch (action.type) {
    case 'partition': {
      // The smaller sides are those who notice.
      const sides = action.sides.toSorted((a, b) => a.length - b.length)
      const detail = `${action.mode}: ${action.sides.map((side) => side.join(' ')).join(' | ')}`
      return { name: 'partition', targets: sides.slice(0, -1).flat(), detail }
    }
    case 'one-way': {
      const targets = [...new Set(action.ways.map(({ to }) => to))]
      const detail = `${action.mode}: ${action.ways.map(({ from, to }) => `${from} ✗ ${to}`).join(', ')}`
      return { name: 'partition', targets, detail }
    }
    case 'kill':
    case 'pause':
      return { name: action.type, targets: action.nodes, detail: undefined }
    case 'clock-skew':
      return { name: 'clock-skew', targets: action.nodes, detail: `${signed(action.ms)} ms` }
    case 'clock-drift':
      return { name: 'clock-drift', targets: action.nodes, detail: `${signed(action.ppm)} ppm` }
    case 'slow-links': {
      const targets = action.links.map(({ from, to }) => `${from}→${to}`)
      const jitter = action.jitterMs === 0 ? '' : ` ± ${action.jitterMs}`
      return { name: 'slow-links', targets, detail: `each way ${action.ms}${jitter} ms` }
    }
    default:
      return action satisfies never
  }
}

const signed = (value: number): string => (value > 0 ? `+${value}` : String(value))
