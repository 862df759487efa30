import type { Decision } from './machine.ts'
import type {
  Clients,
  Participants,
  RecoveryReport,
  ResolveOptions,
  TransactionContext,
  TransactionOptions,
  TransactionStatus,
  WaitOptions,
} from './options.ts'

/** Commits transactions that span several databases, everywhere or nowhere. Made by `createCoordinator`. */
export interface Coordinator<P extends Participants> extends AsyncDisposable {
  /** Creates the tables of the log, if they are not there. Safe to run again, and by several at once. */
  migrate(options?: WaitOptions): Promise<void>
  /**
   * Checks the servers, ends what a crash has left, and begins to look for more from time to time. The first
   * transaction does it too.
   *
   * @throws PreparedTransactionsOffError, NotPrimaryError, SameDatabaseError, NotMigratedError, ParticipantUnavailableError.
   */
  start(options?: WaitOptions): Promise<void>
  /**
   * Runs `work` in a transaction on each participant, and commits all of them or none.
   *
   * Resolves with what `work` returned when the transaction is committed and the participants were told; one that
   * does not answer is told later, by recovery. If `work` throws, all is rolled back and its error passed on.
   *
   * @param work asks its questions one after the other or at once. It must not begin or end transactions.
   * @throws TransactionAbortedError, CannotPrepareError, PreparedTransactionsFullError, ParticipantUnavailableError,
   *   TransactionTimeoutError, CoordinatorStoppedError: nothing is changed. InDoubtError: not known.
   * @throws `signal.reason` if aborted before the decision was on its way: nothing is changed.
   */
  transaction<T, const Name extends keyof P & string = keyof P & string>(
    work: (clients: Clients<Name>, context: TransactionContext) => Promise<T>,
    options?: TransactionOptions<Name>,
  ): Promise<T>
  /** Ends what was left by crashes, now. Several coordinators may; what does not answer is in the report. */
  recover(options?: WaitOptions): Promise<RecoveryReport>
  /** All transactions that are prepared or on record. @throws ParticipantUnavailableError if a server does not answer. */
  status(options?: WaitOptions): Promise<readonly TransactionStatus[]>
  /** One of them. A transaction that is neither prepared nor on record has ended, and its record is deleted. */
  status(id: string, options?: WaitOptions): Promise<TransactionStatus>
  /**
   * Decides by hand, and notes it. Recovery needs no such help while the log's server can be asked.
   *
   * @returns where it was carried out.
   * @throws OverrideRefusedError if the record says otherwise, or if it has no commit, without `force`.
   * @throws OverrideUnfinishedError if it failed when the decision may have been written down: call it again.
   */
  resolve(id: string, decision: Decision, options?: ResolveOptions): Promise<readonly string[]>
  /** Takes no more transactions, and resolves when the last one has ended and nothing runs any more. */
  stop(): Promise<void>
}
