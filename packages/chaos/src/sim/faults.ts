import type { NodeId } from './env.ts'

/** From when, and for how long, ms of virtual time. Everything heals. */
export interface FaultWindow {
  readonly atMs: number
  readonly forMs: number
}

/** Messages from one side to the other are lost, those under way as well. */
export interface CutFault extends FaultWindow {
  readonly kind: 'cut'
  readonly from: readonly NodeId[]
  readonly to: readonly NodeId[]
  readonly bothWays: boolean
}

/** The node is gone at once, and starts again at the end. `mixed`: some of what was not synced survives. */
export interface CrashFault extends FaultWindow {
  readonly kind: 'crash'
  readonly node: NodeId
  readonly mixed: boolean
}

/** The node stands still (a garbage collection, a stopped machine), then goes on as if nothing had been. */
export interface PauseFault extends FaultWindow {
  readonly kind: 'pause'
  readonly node: NodeId
}

/** Each message is lost (`loss`) or delivered twice (`duplicate`) with this chance. */
export interface RateFault extends FaultWindow {
  readonly kind: 'loss' | 'duplicate'
  readonly rate: number
}

/** Each message takes longer, by up to so many ms: the later ones overtake. */
export interface DelayFault extends FaultWindow {
  readonly kind: 'delay'
  readonly upToMs: number
}

/** The node's wall clock is off by so many ms (`skew`), or each `fsync` takes so many ms more (`slow-disk`). */
export interface ByFault extends FaultWindow {
  readonly kind: 'skew' | 'slow-disk'
  readonly node: NodeId
  readonly byMs: number
}

/** The node's clocks run too fast or, negative, too slow, by so many millionths. */
export interface DriftFault extends FaultWindow {
  readonly kind: 'drift'
  readonly node: NodeId
  readonly ppm: number
}

/** What goes wrong, from when until when. */
export type Fault = CutFault | CrashFault | PauseFault | RateFault | DelayFault | ByFault | DriftFault

export type FaultKind = Fault['kind']

export const FAULT_KINDS: readonly FaultKind[] = [
  'cut',
  'crash',
  'pause',
  'loss',
  'duplicate',
  'delay',
  'skew',
  'drift',
  'slow-disk',
]
