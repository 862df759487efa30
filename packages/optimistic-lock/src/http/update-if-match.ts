import { isQuorateError } from '@quorate/core'
import type { RowGoneError, StaleVersionError } from '../errors.ts'
import type {
  CallOptions,
  KeyOf,
  OptimisticRepository,
  RepositoryTypes,
  TransactionRepository,
  Version,
  VersionedKeyOf,
} from '../types.ts'
import { etagNow } from './answer.ts'
import { PreconditionFailedError } from './errors.ts'
import { etagOf, type IfMatch, matches } from './etag.ts'

/** What a conditional write of a request is about. */
export interface ConditionalWrite<T extends RepositoryTypes> {
  readonly repository: TransactionRepository<T> | OptimisticRepository<T>
  /** The version column, as in the repository's options; `'xmin'` for `byXmin`. */
  readonly version: T['version'] & keyof T['row']
  readonly key: KeyOf<T>
  readonly ifMatch: IfMatch
}

/**
 * Updates the row if it has one of the versions that the request names. The row is read first, to compare tags, and the
 * write is conditional on the version read; with `*`, which names none, it is tried again when somebody was faster.
 *
 * @returns the row as it is now; its tag is `etagOf(row[version])`.
 * @throws PreconditionFailedError if it has none of them, or if there is no row.
 * @throws StaleVersionError with `*`, after 100 attempts that others were faster in.
 */
export async function updateIfMatch<T extends RepositoryTypes>(
  write: ConditionalWrite<T>,
  changes: T['changes'],
  options: CallOptions = {},
): Promise<T['row']> {
  return ifMatching(write, options, (row) => write.repository.update(row, changes, options))
}

/**
 * Deletes the row if it has one of the versions that the request names.
 *
 * @throws PreconditionFailedError if it has none of them, or if there is no row.
 * @throws StaleVersionError with `*`, after 100 attempts that others were faster in.
 */
export async function deleteIfMatch<T extends RepositoryTypes>(
  write: ConditionalWrite<T>,
  options: CallOptions = {},
): Promise<void> {
  await ifMatching(write, options, async (row) => {
    const isDeleted = await write.repository.delete(row, options)
    if (!isDeleted) throw new PreconditionFailedError({ etag: undefined })
  })
}

const MAX_ATTEMPTS = 100

async function ifMatching<T extends RepositoryTypes, R>(
  { repository, version, key, ifMatch }: ConditionalWrite<T>,
  options: CallOptions,
  write: (row: VersionedKeyOf<T>) => Promise<R>,
): Promise<R> {
  if (ifMatch !== '*' && !Array.isArray(ifMatch)) {
    throw new TypeError(`Cannot write: ifMatch must be what readIfMatch() gives, got ${typeof ifMatch}`)
  }
  for (let attempt = 1; ; attempt++) {
    const row = await repository.get(key, options)
    const found = row === undefined ? undefined : ((row as T['row'])[version] as Version | Date)
    if (row !== undefined && found === undefined) {
      throw new TypeError(`Cannot write: version must name the version column of the rows, got ${version}`)
    }
    if (row === undefined || !matches(ifMatch, found)) {
      throw new PreconditionFailedError({ etag: found === undefined ? undefined : etagOf(found) })
    }
    try {
      return await write(row)
    } catch (error) {
      if (!isConflict(error)) throw error
      const isStale = error.code === 'QUORATE_STALE_VERSION'
      if (ifMatch === '*' && isStale && attempt < MAX_ATTEMPTS) continue
      if (ifMatch === '*' && isStale) throw error
      const etag = isStale ? etagNow(error) : undefined
      throw new PreconditionFailedError({ etag, cause: error })
    }
  }
}

/** By its code: the repository may be of another copy of this package, as of its CommonJS build. */
function isConflict(error: unknown): error is StaleVersionError | RowGoneError {
  return isQuorateError(error) && ['QUORATE_STALE_VERSION', 'QUORATE_ROW_GONE'].includes(error.code)
}
