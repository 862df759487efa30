import type { Deadline } from '../deadline.ts'
import { Checkout } from './checkout.ts'
import type { PgPool } from './port.ts'
import * as sql from './sql.ts'

/** By what the only writer of a transaction can be asked for. */
export interface Identity {
  /** `undefined`: it has changed nothing that has a number. */
  readonly xid: string | undefined
  /** Which life of which server gave the number. */
  readonly server: string
}

export async function identityOf(checkout: Checkout, deadline: Deadline): Promise<Identity> {
  const [answer] = await checkout.query<{ xid: string | null; server: string }>(sql.IDENTITY, deadline)
  const { xid, server = '' } = answer?.rows[0] ?? {}
  return { xid: xid ?? undefined, server }
}

/**
 * What became of a COMMIT that was not answered.
 *
 * @returns `undefined` if nobody can say: another server, or the same after a crash, counts from anew.
 * @throws while it is in progress, and if there is no answer; ask again.
 */
export async function fateOf(
  pool: PgPool,
  { xid, server }: Identity,
  deadline: Deadline,
): Promise<'committed' | 'aborted' | undefined> {
  if (xid === undefined) return undefined
  const checkout = await Checkout.from(pool, deadline)
  let isFine = false
  try {
    const [answer] = await checkout.query<{ status: string | null; server: string }>(
      sql.fateSql(xid),
      deadline,
    )
    const fate = answer?.rows[0]
    if (fate?.status === 'in progress') {
      isFine = true
      throw new Error('the server is still at its COMMIT')
    }
    const isSame = fate?.server === server
    // It may have stopped to wait for the standbys.
    if (isSame && fate.status === 'committed') await checkout.durably(sql.BARRIER, deadline)
    isFine = true
    return isSame && (fate.status === 'committed' || fate.status === 'aborted') ? fate.status : undefined
  } finally {
    checkout.release(!isFine)
  }
}
