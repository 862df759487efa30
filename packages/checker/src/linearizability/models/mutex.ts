import type { Operation, Process } from '../../operation.ts'
import { valueKey } from '../../value.ts'
import type { Model } from '../model.ts'
import { unknownOperation, wrongContent } from './content.ts'

/** Options of {@link mutex}. */
export interface MutexOptions {
  /**
   * Must the process that acquired it release it? Default `false`, as in Knossos: there a crashed process comes
   * back under a new number and releases what the old one held.
   */
  readonly owned?: boolean | undefined
}

/** Who holds it: `null` for nobody, `true` for somebody. */
type Holder = Process | true | null

/** A lock: `acquire` is allowed while nobody holds it, `release` while somebody does. One lock per key. */
export function mutex({ owned = false }: MutexOptions = {}): Model<Holder> {
  return {
    name: 'mutex',
    init: () => null,
    step(state, operation) {
      const holder = owned ? operation.process : true
      if (isAcquire('mutex', operation)) return state === null ? holder : undefined
      return state === holder ? null : undefined
    },
    key: valueKey,
    partition: ({ key }) => key,
    classKey: (operation) =>
      (isAcquire('mutex', operation) ? 'a' : 'r') + (owned ? valueKey(operation.process) : ''),
    describe: (state) => (state === null ? 'free' : state === true ? 'held' : `held by process ${state}`),
  }
}

/** Options of {@link fencedMutex}. */
export interface FencedMutexOptions {
  /**
   * Can a holder lose the lock without a release, as with a lease? Then `acquire` is always allowed and the growth
   * of the tokens is all that is checked. Default `false`.
   */
  readonly expires?: boolean | undefined
}

/** `token` of the holder, -1 if it is not known; `last` is the greatest token so far, or a bound from below; -1 before the first. */
interface Fence {
  readonly held: boolean
  readonly token: number
  readonly last: number
}

/**
 * A lock that gives each holder a token, greater than every token before: the output of `acquire`, a whole number.
 * `release` may name it as its input; then it must be the token of the holder. One lock per key.
 */
export function fencedMutex({ expires = false }: FencedMutexOptions = {}): Model<Fence> {
  return {
    name: 'fenced-mutex',
    // The first token is at least 0, even one that nobody was told.
    init: () => ({ held: false, token: -1, last: -1 }),
    step(state, operation) {
      if (!isAcquire('fenced-mutex', operation)) return expires ? state : release(state, operation)
      if (state.held && !expires) return undefined
      const token = tokenOf(operation, operation.status === 'ok' ? operation.output : undefined)
      // Tokens are whole numbers: one that nobody was told is at least the next.
      if (token === undefined) return { held: true, token: -1, last: state.last + 1 }
      return token > state.last ? { held: true, token, last: token } : undefined
    },
    key: ({ held, token, last }) => `${held} ${token} ${last}`,
    partition: ({ key }) => key,
    isRead: (operation) => !isAcquire('fenced-mutex', operation) && expires,
    classKey: (operation) =>
      isAcquire('fenced-mutex', operation)
        ? `a${operation.status === 'ok' ? tokenOf(operation, operation.output) : undefined}`
        : `r${tokenOf(operation, operation.input)}`,
    describe: ({ held, token, last }) =>
      `${held ? `held${token === -1 ? '' : ` with token ${token}`}` : 'free'}, ` +
      (last === -1 ? 'no token given yet' : `last token ${last}`),
  }
}

function release(state: Fence, operation: Operation): Fence | undefined {
  if (!state.held) return undefined
  const named = tokenOf(operation, operation.input)
  const free: Fence = { held: false, token: -1, last: state.last }
  if (named === undefined || named === state.token) return free
  if (state.token !== -1 || named < state.last) return undefined
  return { ...free, last: named } // now it is known
}

function isAcquire(model: string, operation: Operation): boolean {
  if (operation.op === 'acquire') return true
  if (operation.op === 'release') return false
  return unknownOperation(model, operation, 'acquire and release')
}

function tokenOf(operation: Operation, token: unknown): number | undefined {
  if (token === undefined || token === null) return undefined
  if (typeof token === 'number' && Number.isSafeInteger(token) && token >= 0) return token
  return wrongContent(operation, `needs a token that is a whole number from 0, got ${JSON.stringify(token)}`)
}
