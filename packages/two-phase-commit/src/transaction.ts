import { type Clock, isQuorateError } from '@quorate/core'
import { Deadline } from './deadline.ts'
import { commit, type CommitPort, type Drive, VoteNo } from './drive.ts'
import { InDoubtError, ParticipantUnavailableError, TransactionAbortedError } from './errors.ts'
import type { How } from './events.ts'
import type { Decision } from './machine.ts'
import { formatGid } from './names.ts'
import type { Clients, TransactionContext } from './options.ts'
import { Branch } from './postgres/branch.ts'
import { Checkout } from './postgres/checkout.ts'
import { type DecisionLog, isClosedByOthers, type Recorded, recordOn } from './postgres/decision-log.ts'
import { isRefusal } from './postgres/failures.ts'
import { fateOf, type Identity, identityOf } from './postgres/lone-writer.ts'
import type { PgPool } from './postgres/port.ts'
import { beginSql, commitWithRecordSql, type Isolation } from './postgres/sql.ts'

/** One transaction and what it needs. */
export interface TransactionSetup {
  readonly id: string
  readonly epoch: string
  /** The log's name. */
  readonly logName: string
  readonly log: DecisionLog
  /** The participant that keeps the log. */
  readonly logAt: string | undefined
  /** Those to begin on, in the order in which connections are taken: the same for all, so that nobody waits in a circle. */
  readonly pools: ReadonlyMap<string, PgPool>
  readonly isolation: Isolation | undefined
  readonly timeoutMs: number
  readonly graceMs: number
  readonly clock: Clock
  /** For the time until the decision. */
  readonly deadline: Deadline
}

/** How a transaction ended. */
export interface TransactionEnd<T> {
  readonly value: T
  readonly how: How
  /** Who has not acknowledged. */
  readonly left: ReadonlySet<string>
}

/** It did not commit, or it is not known. */
export class TransactionFailure {
  readonly error: unknown
  readonly decision: 'abort' | undefined
  readonly left: ReadonlySet<string>
  /** This coordinator may write no more commits in this epoch. */
  readonly epochClosed: boolean

  constructor(
    error: unknown,
    decision: 'abort' | undefined,
    left: ReadonlySet<string> = new Set(),
    epochClosed = false,
  ) {
    this.error = error
    this.decision = decision
    this.left = left
    this.epochClosed = epochClosed
  }
}

/**
 * Runs the callback, and commits everywhere or nowhere.
 *
 * @throws TransactionFailure, and nothing else.
 */
export async function runTransaction<Name extends string, T>(
  setup: TransactionSetup,
  work: (clients: Clients<Name>, context: TransactionContext) => Promise<T>,
): Promise<TransactionEnd<T>> {
  const branches: Branch[] = []
  try {
    const value = await doWork(setup, branches, work)
    const { how, left } = await decide(setup, branches)
    return { value, how, left }
  } catch (error) {
    for (const { lent } of branches) lent.end()
    using grace = new Deadline(setup.clock, setup.graceMs, () => new Error('no answer to ROLLBACK'))
    await Promise.all(branches.map((branch) => branch.rollback(grace)))
    if (error instanceof TransactionFailure) throw error
    throw new TransactionFailure(error, 'abort')
  }
}

async function doWork<Name extends string, T>(
  { id, pools, isolation, timeoutMs, graceMs, deadline }: TransactionSetup,
  branches: Branch[],
  work: (clients: Clients<Name>, context: TransactionContext) => Promise<T>,
): Promise<T> {
  const reach = async <R>(name: string, attempt: Promise<R>): Promise<R> => {
    try {
      return await attempt
    } catch (cause) {
      deadline.throwIfOver()
      throw new ParticipantUnavailableError(name, cause)
    }
  }
  for (const [name, pool] of pools) {
    branches.push(new Branch(name, pool, await reach(name, Checkout.from(pool, deadline))))
  }
  const text = beginSql(isolation, timeoutMs, timeoutMs + 2 * graceMs)
  await Promise.all(branches.map((branch) => reach(branch.name, branch.begin(text, deadline))))
  const clients = Object.fromEntries(
    branches.map(({ name, lent }) => [name, lent]),
  ) as unknown as Clients<Name>
  let value: T
  try {
    value = await deadline.wait(work(clients, contextOf(id, deadline)))
  } catch (error) {
    const broken = branches.find(({ lent }) => lent.failure === error)
    // What a server says of a statement is the caller's; that it is gone is not.
    if (broken !== undefined && !isRefusal(error) && !deadline.isOver)
      throw new ParticipantUnavailableError(broken.name, error)
    // A statement that is under way when the others fail keeps its connection busy.
    throw error
  }
  for (const { lent } of branches) lent.end()
  return value
}

/** A signal is made only for who asks for it. */
const contextOf = (id: string, deadline: Deadline): TransactionContext => ({
  id,
  get signal() {
    return deadline.signal
  },
})

async function decide(
  setup: TransactionSetup,
  branches: readonly Branch[],
): Promise<{ how: How; left: ReadonlySet<string> }> {
  const { deadline, logAt } = setup
  const wrote = await Promise.all(
    branches.map((branch) => orUnavailable(branch.name, branch.hasWritten(deadline), deadline)),
  )
  const writers = branches.filter((_, index) => wrote[index])
  const [only] = writers
  // Those that only read hold nothing back, unless the log is theirs to write.
  const readers = branches.filter(
    (branch, index) => wrote[index] === false && !(branch.name === logAt && writers.length > 1),
  )
  const [identity] = await Promise.all([
    only !== undefined && writers.length === 1
      ? orUnavailable(only.name, identityOf(only.checkout, deadline), deadline)
      : undefined,
    ...readers.map((branch) => orUnavailable(branch.name, branch.commit(deadline), deadline)),
  ])
  if (only === undefined) return { how: 'read-only', left: new Set() }
  if (writers.length > 1) return { how: 'two-phase', left: await inTwoPhases(setup, branches, writers) }
  await inOnePhase(setup, only, identity)
  return { how: 'one-phase', left: new Set() }
}

async function inOnePhase(
  setup: TransactionSetup,
  only: Branch,
  identity: Identity | undefined,
): Promise<void> {
  using late = graceOf(setup)
  try {
    await only.commit(late)
  } catch (error) {
    if (error instanceof TransactionAbortedError) throw error
    const pool = setup.pools.get(only.name)
    const fate =
      identity === undefined || pool === undefined
        ? undefined
        : await insist(setup, (deadline) => fateOf(pool, identity, deadline)).catch(() => undefined)
    if (fate === 'committed') return
    if (fate === 'aborted') throw new ParticipantUnavailableError(only.name, error)
    throw new TransactionFailure(new InDoubtError(undefined, error), undefined)
  }
}

async function inTwoPhases(
  setup: TransactionSetup,
  branches: readonly Branch[],
  writers: readonly Branch[],
): Promise<ReadonlySet<string>> {
  const { logAt, id, deadline } = setup
  const port = new TransactionPort(
    setup,
    writers.filter(({ name }) => name !== logAt),
    branches.find(({ name }) => name === logAt),
  )
  const end = await commit(port.members, port, { deadline })
  if (end.decision === 'commit') return end.left
  if (end.decision === undefined)
    throw new TransactionFailure(new InDoubtError(id, end.cause), undefined, end.left)
  throw new TransactionFailure(port.errorOf(end), 'abort', end.left, port.epochClosed)
}

/** A real transaction, as the driver of the protocol sees it. */
class TransactionPort implements CommitPort {
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

  async prepare(member: string): Promise<void> {
    try {
      await this.#of(member).prepare(this.#gid(member), this.#setup.deadline)
    } catch (error) {
      if (error instanceof VoteNo || error === this.#setup.deadline.reason) throw error
      throw new ParticipantUnavailableError(member, error)
    }
  }

  async register(members: readonly string[]): Promise<Decision> {
    const { log, id, epoch, logAt } = this.#setup
    using late = graceOf(this.#setup)
    const branch = this.#logBranch
    const recorded =
      branch !== undefined && logAt !== undefined
        ? await recordOn(
            branch.checkout,
            commitWithRecordSql(branch.synchronous, log.tables, id, epoch, members),
            late,
          )
        : await log.record(id, epoch, members, late)
    this.#refusal = recorded
    if (recorded.decision === 'abort') this.epochClosed = isClosedByOthers(recorded.cause) === 'closed'
    return recorded.decision
  }

  settle(): ReturnType<CommitPort['settle']> {
    const { log, id, graceMs } = this.#setup
    return insist(this.#setup, (late) => log.settle(id, graceMs, late))
  }

  tell(member: string, decision: Decision): Promise<void> {
    const finish = (late: Deadline): Promise<void> =>
      this.#of(member).finish(this.#gid(member), decision, late)
    if (decision === 'commit') return insist(this.#setup, finish)
    // The caller need not wait for more: what may yet turn out to be prepared is aborted by recovery.
    return this.#once(finish)
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

/** Tries until the time is over: a server that is being restarted is worth waiting for. */
async function insist<T>(setup: TransactionSetup, attempt: (late: Deadline) => Promise<T>): Promise<T> {
  using late = graceOf(setup)
  for (let delayMs = 20; ; delayMs *= 2) {
    try {
      return await attempt(late)
    } catch (error) {
      if (late.isOver) throw error
      await setup.clock.sleep(delayMs, { signal: late.signal }).catch(() => {})
      if (late.isOver) throw error
    }
  }
}

/** The caller's signal does not end what has been sent: it could not be taken back. */
function graceOf({ clock, graceMs }: TransactionSetup): Deadline {
  return new Deadline(clock, graceMs, () => new Error(`no answer within ${graceMs} ms`))
}

async function orUnavailable<T>(name: string, attempt: Promise<T>, deadline: Deadline): Promise<T> {
  try {
    return await attempt
  } catch (error) {
    if (isQuorateError(error)) throw error
    deadline.throwIfOver()
    throw new ParticipantUnavailableError(name, error)
  }
}
