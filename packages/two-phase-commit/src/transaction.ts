import { isQuorateError } from '@quorate/core'
import { Deadline } from './deadline.ts'
import { commit } from './drive.ts'
import { InDoubtError, ParticipantUnavailableError, TransactionAbortedError } from './errors.ts'
import type { How } from './events.ts'
import type { Clients, TransactionContext } from './options.ts'
import { Branch } from './postgres/branch.ts'
import { Checkout } from './postgres/checkout.ts'
import { isRefusal } from './postgres/failures.ts'
import type { LentQueryable } from './postgres/lent.ts'
import { fateOf, type Identity, identityOf } from './postgres/lone-writer.ts'
import { drawn } from './spans.ts'
import { TransactionPort } from './transaction-port.ts'
import { graceOf, insist, type TransactionSetup } from './transaction-setup.ts'

/** How a transaction committed. */
interface Decided {
  readonly how: How
  /** Who has not acknowledged. */
  readonly left: ReadonlySet<string>
  /** Who was told what to do with what they had prepared. */
  readonly prepared: readonly string[]
}

export interface TransactionEnd<T> extends Decided {
  readonly value: T
}

const NOBODY: ReadonlySet<string> = new Set()

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
    const { how, left, prepared } = await decide(setup, branches)
    return { value, how, left, prepared }
  } catch (error) {
    for (const { lent } of branches) lent.end()
    using grace = new Deadline(setup.clock, setup.graceMs, () => new Error('no answer to ROLLBACK'))
    await Promise.all(branches.map((branch) => branch.rollback(grace)))
    if (error instanceof TransactionFailure) throw error
    throw new TransactionFailure(error, 'abort')
  }
}

async function doWork<Name extends string, T>(
  setup: TransactionSetup,
  branches: Branch[],
  work: (clients: Clients<Name>, context: TransactionContext) => Promise<T>,
): Promise<T> {
  const { id, pools, deadline } = setup
  const clients: Record<string, LentQueryable> = {}
  let asked = ''
  try {
    for (const [name, pool] of pools) {
      asked = name
      const branch = new Branch(name, pool, await Checkout.from(pool, deadline))
      branches.push(branch)
      clients[name] = branch.lent
    }
  } catch (error) {
    throw unavailable(asked, error, deadline)
  }
  const begun = branches.map((branch) =>
    branch.begin(setup, deadline).catch((error: unknown) => {
      throw unavailable(branch.name, error, deadline)
    }),
  )
  await Promise.all(begun)
  let value: T
  try {
    // From plain JavaScript it may be no promise.
    value = await deadline.wait(
      Promise.resolve(work(clients as unknown as Clients<Name>, contextOf(id, deadline))),
    )
  } catch (error) {
    const broken = error === undefined ? undefined : branches.find(({ lent }) => lent.failure === error)
    // What a server says of a statement is the caller's, and so is a value that the driver cannot send; that a server is
    // gone is not.
    if (broken !== undefined && !isRefusal(error) && !(error instanceof TypeError) && !deadline.isOver)
      throw new ParticipantUnavailableError(broken.name, error)
    // A statement that is under way when the others fail keeps its connection busy.
    throw error
  }
  for (const { lent } of branches) lent.end()
  // Whoever did not wait for a statement may have another one to come after it, which would be left out.
  const hasty = branches.find(({ lent }) => lent.isBusy)
  if (hasty !== undefined) {
    throw new TypeError(
      `Cannot commit: a statement on ${hasty.name} was not answered when the callback returned; await every query in the callback`,
    )
  }
  return value
}

/** A signal is made only for who asks for it. */
const contextOf = (id: string, deadline: Deadline): TransactionContext => ({
  id,
  get signal() {
    return deadline.signal
  },
})

async function decide(setup: TransactionSetup, branches: readonly Branch[]): Promise<Decided> {
  const { deadline, logAt, spans } = setup
  if (branches.length > 1 && branches.every(({ lent }) => lent.hasWritten))
    return inTwoPhases(setup, branches, branches)
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
    ...readers.map((branch) =>
      orUnavailable(
        branch.name,
        drawn(spans, 'COMMIT', branch.name, () => branch.commit(deadline)),
        deadline,
      ),
    ),
  ])
  if (only === undefined) return { how: 'read-only', left: NOBODY, prepared: [] }
  if (writers.length > 1) return inTwoPhases(setup, branches, writers)
  await inOnePhase(setup, only, identity)
  return { how: 'one-phase', left: NOBODY, prepared: [] }
}

async function inOnePhase(
  setup: TransactionSetup,
  only: Branch,
  identity: Identity | undefined,
): Promise<void> {
  const { spans } = setup
  using late = graceOf(setup)
  try {
    await drawn(spans, 'COMMIT', only.name, () => only.commit(late))
  } catch (error) {
    if (error instanceof TransactionAbortedError) throw error
    const pool = setup.pools.get(only.name)
    const fate =
      identity === undefined || pool === undefined
        ? undefined
        : await drawn(spans, 'settle', only.name, () =>
            insist(setup, (deadline) => fateOf(pool, identity, deadline)),
          ).catch(() => undefined)
    if (fate === 'committed') return
    if (fate === 'aborted') throw new ParticipantUnavailableError(only.name, error)
    throw new TransactionFailure(new InDoubtError(undefined, error), undefined)
  }
}

async function inTwoPhases(
  setup: TransactionSetup,
  branches: readonly Branch[],
  writers: readonly Branch[],
): Promise<Decided> {
  const { logAt, id } = setup
  const port = new TransactionPort(
    setup,
    writers.filter(({ name }) => name !== logAt),
    branches.find(({ name }) => name === logAt),
  )
  const end = await commit(port.members, port, { deadline: deadlineOf(setup) })
  if (end.decision === 'commit') return { how: 'two-phase', left: end.left, prepared: port.members }
  if (end.decision === undefined)
    throw new TransactionFailure(new InDoubtError(id, end.cause), undefined, end.left)
  throw new TransactionFailure(port.errorOf(end), 'abort', end.left, port.epochClosed)
}

/**
 * Whoever keeps the time does so in the span of the transaction that was there first. Where there are spans, what the end
 * of the time sets off is set off from here.
 */
function deadlineOf({ deadline, spans }: TransactionSetup): Pick<Deadline, 'onOver'> {
  if (spans === undefined) return deadline
  return {
    onOver(listener) {
      const { promise, resolve } = Promise.withResolvers<unknown>()
      void promise.then(listener)
      return deadline.onOver(resolve)
    },
  }
}

async function orUnavailable<T>(name: string, attempt: Promise<T>, deadline: Deadline): Promise<T> {
  try {
    return await attempt
  } catch (error) {
    throw unavailable(name, error, deadline)
  }
}

function unavailable(name: string, error: unknown, deadline: Deadline): unknown {
  if (isQuorateError(error)) return error
  return deadline.isOver ? deadline.reason : new ParticipantUnavailableError(name, error)
}
