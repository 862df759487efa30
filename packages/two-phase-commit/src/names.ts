// A prepared transaction is found by its name alone, so all that recovery must know is in it:
//   quorate:<log>:<coordinator>.<epoch>.<number>:<participant>
// The log's own random name keeps two systems on one server apart; the participant's keeps apart two databases of one
// server, which share its names. 8 + 12 + 1 + (32 + 1 + 19 + 1 + 16) + 1 + 32 = 123 bytes at most, of 199 allowed.

/** Letters, digits, `-` and `_`, up to 32: what a participant or a coordinator may be called. */
const NAME = /^[A-Za-z0-9_-]{1,32}$/
const ID = /^([A-Za-z0-9_-]{1,32})\.(\d{1,19})\.(\d{1,16})$/
const PREFIX = 'quorate'

/** A transaction's name in parts. */
export interface TransactionId {
  readonly coordinator: string
  /** One start of a coordinator; a bigint as text. */
  readonly epoch: string
  readonly number: string
}

export function formatId({ coordinator, epoch, number }: TransactionId): string {
  return `${coordinator}.${epoch}.${number}`
}

/** @returns `undefined` if it is no id of this package. */
export function parseId(id: string): TransactionId | undefined {
  const [, coordinator, epoch, number] = ID.exec(id) ?? []
  if (coordinator === undefined || epoch === undefined || number === undefined) return undefined
  return { coordinator, epoch, number }
}

export function formatGid(log: string, id: string, participant: string): string {
  return `${PREFIX}:${log}:${id}:${participant}`
}

/** @returns `undefined` for a name that is not ours, or of another log: hands off. */
export function parseGid(log: string, gid: string): { id: string; participant: string } | undefined {
  const [prefix, owner, id, participant, ...more] = gid.split(':')
  if (prefix !== PREFIX || owner !== log || more.length > 0) return undefined
  if (id === undefined || participant === undefined) return undefined
  return parseId(id) === undefined || !NAME.test(participant) ? undefined : { id, participant }
}

/** @throws RangeError unless it can be part of a transaction's name. */
export function requireName(action: string, what: string, name: string): void {
  if (NAME.test(name)) return
  throw new RangeError(
    `Cannot ${action}: ${what} must be 1 to 32 letters, digits, - or _, since it becomes part of the names of ` +
      `prepared transactions, got ${JSON.stringify(name)}`,
  )
}
