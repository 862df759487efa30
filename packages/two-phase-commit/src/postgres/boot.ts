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
  const seen = new Map<string, string>()
  const all = await Promise.all(
    [...pools].map(async ([name, pool]) => ({ name, facts: await factsOf(name, pool, deadline) })),
  )
  for (const { name, facts } of all) {
    if (facts.recovery) throw new NotPrimaryError(name)
    if (facts.quiet) throw new WarningsHiddenError(name)
    if (facts.prepared === 0 && name !== notPrepared) throw new PreparedTransactionsOffError(name)
    const other = seen.get(facts.database)
    if (other !== undefined) throw new SameDatabaseError([other, name])
    seen.set(facts.database, name)
  }
}

async function factsOf(name: string, pool: PgPool, deadline: Deadline): Promise<Facts> {
  let checkout: Checkout | undefined
  try {
    checkout = await Checkout.from(pool, deadline)
    const [answer] = await checkout.query<Facts>(FACTS, deadline)
    checkout.release()
    const facts = answer?.rows[0]
    if (facts === undefined) throw new Error('no answer')
    return facts
  } catch (cause) {
    checkout?.release(true)
    throw new ParticipantUnavailableError(name, cause)
  }
}
