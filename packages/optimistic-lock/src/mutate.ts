import { emit, isQuorateError, retry, RetryExhaustedError, systemClock } from '@quorate/core'
import { RetryInTransactionError, RowGoneError, StaleVersionError } from './errors.ts'
import type { OptimisticEvent } from './events.ts'
import { checkMutateOptions, show } from './options.ts'
import type {
  KeyOf,
  KeyValues,
  MutateOptions,
  OptimisticRepository,
  RepositoryOptions,
  RepositoryTypes,
  TransactionRepository,
} from './types.ts'
import { isRetryable } from './write.ts'

/** What one `mutate()` works on. */
export interface MutateTarget<T extends RepositoryTypes> {
  readonly repository: TransactionRepository<T>
  readonly label: string
  readonly key: KeyOf<T>
  readonly keyValues: KeyValues
  readonly options: RepositoryOptions
  readonly inTransaction: () => boolean | Promise<boolean>
}

/** Read, change, write; when somebody was faster, the whole again. */
export async function mutate<T extends RepositoryTypes>(
  target: MutateTarget<T>,
  change: Parameters<OptimisticRepository<T>['mutate']>[1],
  options: MutateOptions,
): Promise<T['row']> {
  checkMutateOptions(options)
  if (typeof change !== 'function') {
    throw new TypeError(
      `Cannot mutate a row of ${target.label}: it must be given a function from the row to its changes, got ${show(change)}`,
    )
  }
  const { clock = systemClock, random, onEvent } = target.options
  options.signal?.throwIfAborted()
  if (await target.inTransaction()) throw new RetryInTransactionError(target.label)

  const startMs = clock.monotonic()
  // Whatever may not be repeated leaves the loop as a value, so that the loop cannot change its outcome.
  const result = await retry<{ row: T['row'] } | { error: unknown }>(
    async ({ attempt, signal }) => {
      try {
        return { row: await attemptOnce(target, change, attempt, signal) }
      } catch (error) {
        const conflict = asConflict(target, error)
        if (conflict !== undefined) {
          emit<OptimisticEvent>(onEvent, () => ({
            type: 'retry',
            table: target.label,
            key: target.keyValues,
            attempt,
            cause: conflict,
          }))
          throw conflict
        }
        const isDeadline = error === signal.reason && options.signal?.aborted !== true
        if (!isDeadline) return { error }
        const elapsedMs = clock.monotonic() - startMs
        return {
          error: new RetryExhaustedError({
            attempts: attempt,
            elapsedMs,
            outcome: 'not-applied',
            cause: error,
          }),
        }
      }
    },
    {
      ...options,
      clock,
      random,
      shouldRetry: (error) => error instanceof StaleVersionError,
    },
  )
  if ('error' in result) throw result.error
  return result.row
}

async function attemptOnce<T extends RepositoryTypes>(
  { repository, label, key, keyValues }: MutateTarget<T>,
  change: Parameters<OptimisticRepository<T>['mutate']>[1],
  attempt: number,
  signal: AbortSignal,
): Promise<T['row']> {
  const row = await repository.get(key, { signal })
  if (row === undefined) throw new RowGoneError({ action: 'mutate', table: label, key: keyValues })
  // A copy that cannot be edited: an edit in place is not written, and must not look as if it were.
  const changes = await change(Object.freeze({ ...row }), { attempt, signal })
  if (changes === undefined) return row
  return repository.update(row, changes, { signal })
}

/** The error as a conflict worth another attempt, or `undefined`. */
function asConflict<T extends RepositoryTypes>(
  { label, keyValues }: MutateTarget<T>,
  error: unknown,
): StaleVersionError | undefined {
  if (error instanceof StaleVersionError) return error
  if (isQuorateError(error) || !isRetryable(error)) return undefined
  return new StaleVersionError({
    action: 'mutate',
    table: label,
    key: keyValues,
    expected: 'the one read',
    actual: undefined,
    cause: error,
  })
}
