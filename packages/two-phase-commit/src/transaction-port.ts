import { isQuorateError } from '@quorate/core'
import type { Deadline } from './deadline.ts'
import { type CommitPort, type Drive, VoteNo } from './drive.ts'
import { ParticipantUnavailableError, TransactionAbortedError } from './errors.ts'
import type { Decision } from './machine.ts'
import { formatGid } from './names.ts'
import type { Branch } from './postgres/branch.ts'
import { isClosedByOthers, type Recorded, recordOn } from './postgres/decision-log.ts'
import { isRefusal } from './postgres/failures.ts'
import { commitWithRecordSql } from './postgres/sql.ts'
import { drawn } from './spans.ts'
import { graceOf, insist, type TransactionSetup } from './transaction-setup.ts'

/** The register has no commit, and takes none. */
class NotRecorded extends Error {
  readonly answer: Recorded & { decision: 'abort' }

  constructor(answer: NotRecorded['answer']) {
    super('The decision is abort', { cause: answer.cause })
    this.answer = answer
  }
}

/** A real transaction, as the driver of the protocol sees it. */
export class TransactionPort implements CommitPort {
  readonly members: readonly string[]
  epochClosed = false
  readonly #setup: TransactionSetup
  readonly #branches: ReadonlyMap<string, Branch>
  readonly #logBranch: Branch | undefined
  /** Why the register has no commit. */
  #refusal: Recorded | undefined

  constructor(setup: TransactionSetup, prepared: readonly Branch[], logBranch: Branch | undefined) {
    this.#setup = setup
    this.#branches = new Map(prepared.map((branch) => [branch.name, branch]))
    this.members = [...this.#branches.keys()]
    this.#logBranch = logBranch
  }

  prepare(member: string): Promise<void> {
    const { deadline, spans } = this.#setup
    return drawn(spans, 'PREPARE TRANSACTION', member, () =>
      this.#of(member).prepare(this.#gid(member), deadline),
    ).catch((error: unknown) => {
      if (error instanceof VoteNo || error === deadline.reason) throw error
      throw new ParticipantUnavailableError(member, error)
    })
  }

  async register(members: readonly string[]): Promise<Decision> {
    const { log, id, epoch, logAt, spans } = this.#setup
    using late = graceOf(this.#setup)
    const branch = this.#logBranch
    const recorded = await drawn(spans, 'COMMIT', log.server, async () => {
      const answer = await (branch !== undefined && logAt !== undefined
        ? recordOn(branch.checkout, commitWithRecordSql(log.tables, id, epoch, members), late)
        : log.record(id, epoch, members, late))
      // So that its span failed.
      if (answer.decision === 'abort') throw new NotRecorded(answer)
      return answer
    }).catch((error: unknown) => {
      if (error instanceof NotRecorded) return error.answer
      throw error
    })
    this.#refusal = recorded
    if (recorded.decision === 'abort') this.epochClosed = isClosedByOthers(recorded.cause) === 'closed'
    return recorded.decision
  }

  settle(): ReturnType<CommitPort['settle']> {
    const { log, id, graceMs, spans } = this.#setup
    return drawn(spans, 'settle', log.server, () =>
      insist(this.#setup, (late) => log.settle(id, graceMs, late)),
    )
  }

  tell(member: string, decision: Decision): Promise<void> {
    const finish = (late: Deadline): Promise<void> =>
      this.#of(member).finish(this.#gid(member), decision, late)
    const { spans } = this.#setup
    if (decision === 'commit')
      return drawn(spans, 'COMMIT PREPARED', member, () => insist(this.#setup, finish))
    // The caller need not wait for more: what may yet turn out to be prepared is aborted by recovery.
    return drawn(spans, 'ROLLBACK', member, () => this.#once(finish))
  }

  /** The coordinator does, with others at once. */
  async forget(): Promise<void> {}

  errorOf({ cause }: Drive): Error {
    if (cause instanceof VoteNo) return cause.cause as Error
    const refused = this.#refusal?.decision === 'abort' ? this.#refusal : undefined
    if (refused !== undefined) {
      const closed = isClosedByOthers(refused.cause)
      if (closed !== undefined)
        return new TransactionAbortedError('recovery closed it first', { cause: refused.cause })
      if (refused.cause === undefined || isRefusal(refused.cause)) {
        return new TransactionAbortedError('a statement or a constraint failed where the decision is kept', {
          participant: this.#setup.logAt,
          cause: this.#logBranch?.causeOf(refused.cause) ?? refused.cause,
        })
      }
      return new ParticipantUnavailableError(this.#setup.logAt ?? 'the decision log', refused.cause)
    }
    const { deadline } = this.#setup
    // The decision itself was lost on its way, and turned out to be none.
    if (isQuorateError(cause) || (deadline.isOver && cause === deadline.reason)) return cause as Error
    return new ParticipantUnavailableError(this.#setup.logAt ?? 'the decision log', cause)
  }

  async #once<T>(attempt: (late: Deadline) => Promise<T>): Promise<T> {
    using late = graceOf(this.#setup)
    return await attempt(late)
  }

  #gid(member: string): string {
    return formatGid(this.#setup.logName, this.#setup.id, member)
  }

  #of(member: string): Branch {
    const branch = this.#branches.get(member)
    if (branch === undefined) throw new Error(`Broken invariant, please report it: ${member} has no branch`)
    return branch
  }
}
