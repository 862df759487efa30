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
  step1: Step,
  members: readonly string[],
  port: CommitPort,
  deadline?: Pick<Deadline, 'onOver'>,
  onDecision?: (decision: Decision) => void,
): Promise<Drive> {
  return new Promise((resolve) => new Driver(members, port, onDecision, resolve).run(step1, deadline))
}

/** Feeds the machine with what comes of its effects. */
class Driver {
  readonly #members: readonly string[]
  readonly #port: CommitPort
  readonly #onDecision: ((decision: Decision) => void) | undefined
  readonly #resolve: (end: Drive) => void
  #state: State | undefined
  #cause: unknown
  #leave: (() => void) | undefined

  constructor(
    members: readonly string[],
    port: CommitPort,
    onDecision: ((decision: Decision) => void) | undefined,
    resolve: (end: Drive) => void,
  ) {
    this.#members = members
    this.#port = port
    this.#onDecision = onDecision
    this.#resolve = resolve
  }

  run([state, effects]: Step, deadline: Pick<Deadline, 'onOver'> | undefined): void {
    this.#state = state
    for (const effect of effects) this.#perform(effect)
    if (deadline === undefined) return
    this.#leave = deadline.onOver((reason) => {
      if (this.#state?.phase === 'voting') this.#cause ??= reason
      this.#take({ type: 'give-up' })
    })
  }

  #take(event: Event): void {
    const before = this.#state
    if (before === undefined) return
    const [next, more] = step(before, event)
    this.#state = next
    if (next.phase === 'telling' && before.phase !== 'telling') this.#onDecision?.(next.decision)
    for (const effect of more) this.#perform(effect)
    if (next.phase !== 'ended' || before.phase === 'ended') return
    this.#leave?.()
    if (more.length === 0) this.#end()
  }

  #end(): void {
    if (this.#state?.phase !== 'ended') return
    this.#resolve({ decision: this.#state.decision, left: this.#state.left, cause: this.#cause })
  }

  #failed(error: unknown, event: Event): void {
    this.#cause ??= error
    this.#take(event)
  }

  #perform(effect: Effect): void {
    const port = this.#port
    switch (effect.type) {
      case 'prepare': {
        const { to: from } = effect
        port.prepare(from).then(
          () => this.#take({ type: 'vote', from, vote: 'yes' }),
          (error: unknown) => {
            if (this.#state?.phase === 'voting') this.#cause ??= error
            this.#take({ type: 'vote', from, vote: error instanceof VoteNo ? 'no' : 'unknown' })
          },
        )
        return
      }
      case 'register':
        port.register(this.#members).then(
          (decision) => this.#take({ type: 'registered', decision }),
          (error: unknown) => this.#failed(error, { type: 'register-unknown' }),
        )
        return
      case 'settle':
        port.settle().then(
          (settlement) => this.#take({ type: 'settled', settlement }),
          (error: unknown) => this.#failed(error, { type: 'settle-unknown' }),
        )
        return
      case 'tell': {
        const { to: from, decision } = effect
        port.tell(from, decision).then(
          () => this.#take({ type: 'acknowledged', from }),
          (error: unknown) => this.#failed(error, { type: 'unreachable', from }),
        )
        return
      }
      case 'forget': {
        const end = (): void => this.#end()
        port.forget().then(end, end)
        return
      }
      default:
        effect satisfies never
    }
  }
}
