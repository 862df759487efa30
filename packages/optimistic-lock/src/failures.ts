/**
 * Did the server refuse, and live on? Then the statement's transaction is rolled back, and nothing of it is applied. FATAL
 * and PANIC are not enough, and neither is what the driver or the system say: a session may end between its commit and
 * its answer.
 */
export function isRefusal(error: unknown): boolean {
  const state = sqlState(error)
  // 40003 is a pooler's word for "I do not know"; class 08 is what one says of a server it has lost.
  if (state === undefined || state === '40003' || state.startsWith('08')) return false
  const severity = field(error, 'severity')
  if (severity === 'ERROR') return true
  // The word comes in the server's language: in any other, the class of the state tells which end the session.
  return severity !== 'FATAL' && severity !== 'PANIC' && !/^(57P|25P0[34]|53300|58|XX)/.test(state)
}

/** Did it fail before anything was sent, as for want of a connection? */
export function wasNotSent(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  // One error for each address of a host.
  const { errors } = error as { readonly errors?: unknown }
  if (Array.isArray(errors)) return errors.length > 0 && errors.every(wasNotSent)
  if (/^(connect|getaddrinfo)$/.test(field(error, 'syscall') ?? '')) return true
  // What a server says to those who log in, and to nobody else: no such user, no such database, full, starting.
  const state = sqlState(error)
  if (state !== undefined) return /^(28|3D000|53300|57P03)/.test(state)
  return NOT_SENT.test(field(error, 'message') ?? '')
}

/** Does a driver say that there is no connection any more? Whether what was sent is done, it does not say. */
export function isLostConnection(error: unknown): boolean {
  return wasNotSent(error) || (field(error, 'message') ?? '').startsWith('Connection terminated')
}

/** `pg` and its pool have no codes for what they say themselves. */
const NOT_SENT =
  /^(Client .* is not queryable|Cannot use a pool after calling end|timeout exceeded when trying to connect|Connection terminated due to connection timeout)/

/** The state of SQL, if a server said this. A digit tells it from a code of the system such as EPIPE. */
function sqlState(error: unknown): string | undefined {
  const code = codeOf(error)
  return code !== undefined && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** Did a statement of this package fail itself, because a part of what it wrote was kept from being written? */
export function isHeldBack(error: unknown): boolean {
  return field(error, 'code') === '22P02' && (field(error, 'message') ?? '').includes(HELD_BACK)
}

/** What such a statement tries to read as a number; the message quotes it, in any language. */
export const HELD_BACK = 'quorate: a write was held back'

/** Of a server's error its SQLSTATE, or what the system or a driver says. */
export function codeOf(error: unknown): string | undefined {
  return field(error, 'code')
}

function field(error: unknown, name: string): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' ? value : undefined
}
