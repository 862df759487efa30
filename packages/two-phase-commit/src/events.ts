import type { Decision } from './machine.ts'

/** What a coordinator does, told to `onEvent`. Of one transaction in order, each after it has become true. */
export type CoordinatorEvent =
  /** `how`: `one-phase` if one participant wrote, `read-only` if none. */
  | { readonly type: 'committed'; readonly id: string; readonly how: How; readonly durationMs: number }
  | { readonly type: 'aborted'; readonly id: string; readonly error: unknown; readonly durationMs: number }
  | { readonly type: 'in-doubt'; readonly id: string; readonly error: unknown }
  /** Decided, and some participants could not be told. Recovery tells them. */
  | {
      readonly type: 'unfinished'
      readonly id: string
      readonly decision: Decision
      readonly left: readonly string[]
    }
  /** The transaction held its locks for longer than is good: what takes long should be a saga. */
  | { readonly type: 'slow'; readonly id: string; readonly durationMs: number; readonly adviseMs: number }
  /** Participants are in different regions: each lock is held for the way there and back. Use a saga. */
  | { readonly type: 'regions-differ'; readonly regions: Readonly<Record<string, string>> }
  /** Recovery found a transaction without its coordinator and ended it. */
  | {
      readonly type: 'recovered'
      readonly id: string
      readonly decision: Decision
      readonly participants: readonly string[]
    }
  /** Prepared for long and not ended: its locks are held, and vacuum waits for it. */
  | { readonly type: 'orphan'; readonly id: string; readonly participant: string; readonly ageMs: number }
  /** A server cannot be asked what is prepared or recorded, or refuses to delete records that are done with. */
  | { readonly type: 'recovery-failed'; readonly server: string; readonly error: unknown }
  /** Recovery of everybody's transactions is another coordinator's at the moment. */
  | { readonly type: 'recovery-elsewhere' }
  /** A coordinator that had shown no sign of life for long may write no more. */
  | { readonly type: 'epoch-closed'; readonly epoch: string; readonly name: string }
  | {
      readonly type: 'overridden'
      readonly id: string
      readonly decision: Decision
      readonly recorded: Decision | undefined
    }

export type How = 'read-only' | 'one-phase' | 'two-phase'
