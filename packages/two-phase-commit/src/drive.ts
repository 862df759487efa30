import type { Deadline } from './deadline.ts'
import {
  begin,
  beginRecovery,
  type Decision,
  type Effect,
  type Event,
  type Settlement,
  type State,
  step,
  type Step,
} from './machine.ts'

/** A vote of no: the member is not prepared and never will be. Any other error of `prepare` leaves that open. */
export class VoteNo extends Error {}

/**
 * What one transaction needs of the world. Each call settles within a bounded time; it rejects when it does not know
 * what came of it.
 */
export interface CommitPort {
  /** Resolves when the member's part survives its crash. */
  prepare(member: string): Promise<void>
  /** Offers `commit`, and tells what stands. Resolves when that is durable. */
  register(members: readonly string[]): Promise<Decision>
  /** Reads the register and closes it with `abort` if it is empty. Resolves when what it says is durable. */
  settle(): Promise<Settlement>
  /** Resolves when the member has carried out the decision for good, now or earlier. */
  tell(member: string, decision: Decision): Promise<void>
  /** Its failure costs nothing but a record that recovery deletes. */
  forget(): Promise<void>
}

/** How it ended. */
export interface Drive {
  /** `undefined`: not known here. */
  readonly decision: Decision | undefined
  /** Who has yet to acknowledge. */
  readonly left: ReadonlySet<string>
  /** Why it aborted, or is not known: the first failure. */
  readonly cause: unknown
}

/** Options of {@link commit}. */
export interface CommitOptions {
  /** Aborts when it ends while there are votes to come. */
  readonly deadline?: Pick<Deadline, 'onOver'> | undefined
  /** Told as soon as the decision is known, before the members are. */
  readonly onDecision?: ((decision: Decision) => void) | undefined
}

/** Prepares the members, decides, and tells them. Never rejects. */
export function commit(
  members: readonly string[],
  port: CommitPort,
  { deadline, onDecision }: CommitOptions = {},
): Promise<Drive> {
  return drive(begin(members), members, port, deadline, onDecision)
}

/** Finds out what was decided on a transaction found prepared, and tells those who wait for it. Never rejects. */
export function recover(members: readonly string[], port: CommitPort): Promise<Drive> {
  return drive(beginRecovery(members), members, port)
}

function drive(
  [first, effects]: Step,
  members: readonly string[],
  port: CommitPort,
  deadline?: Pick<Deadline, 'onOver'>,
  onDecision?: (decision: Decision) => void,
): Promise<Drive> {
  return new Promise((resolve) => {
    let state: State = first
    let cause: unknown
    let leave = (): void => {}
    const giveUp = (reason: unknown): void => {
      if (state.phase === 'voting') cause ??= reason
      take({ type: 'give-up' })
    }
    const take = (event: Event): void => {
      const before = state
      const [next, more] = step(before, event)
      state = next
      if (next.phase === 'telling' && before.phase !== 'telling') onDecision?.(next.decision)
      perform(more)
      if (next.phase !== 'ended' || before.phase === 'ended') return
      leave()
      if (more.length === 0) resolve({ decision: next.decision, left: next.left, cause })
    }
    const failed = (error: unknown): void => void (cause ??= error)
    const perform = (some: readonly Effect[]): void => {
      for (const effect of some) void perform1(effect)
    }
    const perform1 = async (effect: Effect): Promise<void> => {
      switch (effect.type) {
        case 'prepare': {
          const { to } = effect
          try {
            await port.prepare(to)
            take({ type: 'vote', from: to, vote: 'yes' })
          } catch (error) {
            if (state.phase === 'voting') failed(error)
            take({ type: 'vote', from: to, vote: error instanceof VoteNo ? 'no' : 'unknown' })
          }
          return
        }
        case 'register':
          try {
            take({ type: 'registered', decision: await port.register(members) })
          } catch (error) {
            failed(error)
            take({ type: 'register-unknown' })
          }
          return
        case 'settle':
          try {
            take({ type: 'settled', settlement: await port.settle() })
          } catch (error) {
            failed(error)
            take({ type: 'settle-unknown' })
          }
          return
        case 'tell':
          try {
            await port.tell(effect.to, effect.decision)
            take({ type: 'acknowledged', from: effect.to })
          } catch (error) {
            failed(error)
            take({ type: 'unreachable', from: effect.to })
          }
          return
        case 'forget':
          await port.forget().catch(() => {})
          if (state.phase === 'ended') resolve({ decision: state.decision, left: state.left, cause })
          return
        default:
          effect satisfies never
      }
    }
    perform(effects)
    if (deadline !== undefined) leave = deadline.onOver(giveUp)
  })
}
