import type { Queryable } from './postgres/port.ts'

const accepted = new WeakSet<Queryable>()

/** For a callback whose user has been told of each error, and has ended it all the same: it need not run again for them. */
export function acceptErrors(queryable: Queryable): void {
  accepted.add(queryable)
}

/** Has {@link acceptErrors} been called for it? */
export function hasAcceptedErrors(queryable: Queryable): boolean {
  return accepted.has(queryable)
}
