import type { Deadline } from '../deadline.ts'
import {
  NotPrimaryError,
  ParticipantUnavailableError,
  PreparedTransactionsOffError,
  SameDatabaseError,
  WarningsHiddenError,
} from '../errors.ts'
import { Checkout } from './checkout.ts'
import type { PgPool } from './port.ts'
import { FACTS } from './sql.ts'

interface Facts {
  readonly name: string
  readonly recovery: boolean
  readonly prepared: number
  readonly quiet: boolean
  readonly database: string
}

/**
 * Are the servers fit for it?
 *
 * @param notPrepared the participant that keeps the log, which needs no prepared transactions.
 * @throws PreparedTransactionsOffError, NotPrimaryError, WarningsHiddenError, SameDatabaseError,
 *   ParticipantUnavailableError.
 */
export async function checkParticipants(
  pools: ReadonlyMap<string, PgPool>,
  notPrepared: string | undefined,
  deadline: Deadline,
): Promise<void> {
  const all = await Promise.all([...pools].map(([name, pool]) => factsOf(name, pool, deadline)))
  for (const { name, recovery, quiet, prepared } of all) {
    if (recovery) throw new NotPrimaryError(name)
    if (quiet) throw new WarningsHiddenError(name)
    if (prepared === 0 && name !== notPrepared) throw new PreparedTransactionsOffError(name)
  }
  requireApart(all)
}

/**
 * Does each name lead to a primary, and to another database? Else it is no news that nothing is prepared there: a standby
 * shows nothing, and of two names for one database one hides what is prepared elsewhere.
 *
 * @param failed is told who does not answer; the others are looked at all the same, unless it throws.
 * @throws NotPrimaryError, SameDatabaseError.
 */
export async function checkNamed(
  pools: ReadonlyMap<string, PgPool>,
  deadline: Deadline,
  failed: (participant: string, error: ParticipantUnavailableError) => void,
): Promise<void> {
  const all = await Promise.all(
    [...pools].map(async ([name, pool]) => {
      try {
        return [await factsOf(name, pool, deadline)]
      } catch (error) {
        failed(name, error as ParticipantUnavailableError)
        return []
      }
    }),
  )
  for (const { name, recovery } of all.flat()) if (recovery) throw new NotPrimaryError(name)
  requireApart(all.flat())
}

function requireApart(all: readonly Facts[]): void {
  const seen = new Map<string, string>()
  for (const { name, database } of all) {
    const other = seen.get(database)
    if (other !== undefined) throw new SameDatabaseError([other, name])
    seen.set(database, name)
  }
}

async function factsOf(name: string, pool: PgPool, deadline: Deadline): Promise<Facts> {
  let checkout: Checkout | undefined
  try {
    checkout = await Checkout.from(pool, deadline)
    const [answer] = await checkout.query<Omit<Facts, 'name'>>(FACTS, deadline)
    checkout.release()
    const facts = answer?.rows[0]
    if (facts === undefined) throw new Error('no answer')
    return { name, ...facts }
  } catch (cause) {
    checkout?.release(true)
    throw new ParticipantUnavailableError(name, cause)
  }
}
