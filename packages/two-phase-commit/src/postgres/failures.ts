/**
 * Did the server itself refuse, and live on? Then what was asked did not happen. FATAL and what the driver or the
 * system say leave that open: the session ended with the answer on its way.
 *
 * Other packages draw this line elsewhere, as a mistake costs them less. Where one statement is asked about, which its
 * caller reads back, `optimistic-lock` believes an internal error (XX, 58) and drivers that tell no severity, and `crdt`
 * any FATAL of a known class; `saga` asks what is worth trying again, `read-your-writes` by a list of what a COMMIT
 * fails with. Here half of a payment hangs on the answer to PREPARE and COMMIT: what is not certainly a refusal is none.
 */
export function isRefusal(error: unknown): boolean {
  const state = sqlState(error)
  // 40003 is a proxy's word for "I do not know".
  return state !== undefined && state !== '40003' && severity(error) === 'ERROR' && !state.startsWith('08')
}

/** SQLSTATE, if a server said this. */
export function sqlState(error: unknown): string | undefined {
  const code = field(error, 'code')
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && severity(error) !== undefined ? code : undefined
}

/** `pg` gives the word in the server's language; what is not FATAL or PANIC in any is told by the state's class. */
function severity(error: unknown): 'ERROR' | 'FATAL' | undefined {
  if (field(error, 'severity') === undefined) return undefined
  const state = field(error, 'code') ?? ''
  return /^(57P0|25P0[34]|08|58|XX)/.test(state) || /^(FATAL|PANIC)$/.test(field(error, 'severity') ?? '')
    ? 'FATAL'
    : 'ERROR'
}

function field(error: unknown, name: string): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' ? value : undefined
}

/** Which table a constraint that failed is of. */
export function tableOf(error: unknown): string | undefined {
  return field(error, 'table')
}

/** No prepared transaction has this name. */
export const isNoSuchPrepared = (error: unknown): boolean => sqlState(error) === '42704'

/** Only its owner may do that. */
export const isNotAllowed = (error: unknown): boolean => sqlState(error) === '42501'

export const isNoSuchTable = (error: unknown): boolean => ['42P01', '3F000'].includes(sqlState(error) ?? '')
