import { checkNames } from '@quorate/core'
import { shown } from './check-options.ts'
import type { SessionOptions } from './session-router.ts'

/**
 * A statement in place of the callback would otherwise be found out on a server, as `work is not a function`.
 *
 * @throws TypeError unless the callback is one.
 */
export function checkWork(action: 'read' | 'write' | 'run' | 'withLevel', work: unknown): void {
  if (typeof work === 'function') return
  const advice =
    action === 'run' || action === 'withLevel'
      ? `pass the ${action === 'run' ? 'session' : 'level'} and then () => handler()`
      : "pass (client) => client.query('…'), or what your driver has"
  const verb = action === 'withLevel' ? 'run at a level' : action
  throw new TypeError(`Cannot ${verb}: the callback must be a function, got ${shown(work)}; ${advice}`)
}

/**
 * What a callback has given back. Without a promise nobody knows when it has ended: mostly a `return` or an
 * `async` is missing, and the queries would outlive it.
 *
 * @throws TypeError unless it is a promise.
 */
export function promised<T>(action: 'read' | 'write', given: Promise<T>): Promise<T> {
  if (typeof (given as Partial<Promise<T>> | null | undefined)?.then === 'function') return given
  throw new TypeError(
    `Cannot ${action}: the callback must return a promise, got ${shown(given)}; ` +
      'return that of the query, or make the callback async and await its queries',
  )
}

/**
 * What a query is asked with. Drivers take objects as well, but the router must look through the text; and a
 * text in place of the values would be taken apart into its letters.
 *
 * @throws TypeError for another kind of thing.
 */
export function checkStatement(action: 'query' | 'execute', text: unknown, values: unknown): void {
  if (typeof text !== 'string') {
    throw new TypeError(
      `Cannot ${action}: text must be a string, got ${shown(text)}; pass ${action}(text, values)`,
    )
  }
  if (!Array.isArray(values)) {
    throw new TypeError(`Cannot ${action}: values must be an array, got ${shown(values)}; pass [value]`)
  }
}

const SESSION_OPTIONS: readonly (keyof SessionOptions)[] = ['token', 'key']

/** @throws TypeError for an unknown option, or a key that is no string: users would not be told apart by it. */
export function sessionInput(options: SessionOptions): {
  readonly tokens: readonly string[]
  readonly key: string | undefined
} {
  if (typeof (options as unknown) !== 'object' || options === null) {
    throw new TypeError(
      `Cannot make a session: options must be an object, got ${shown(options)}; pass { token, key }`,
    )
  }
  checkNames('make a session', options, SESSION_OPTIONS)
  const { token, key }: { readonly [name in keyof SessionOptions]: unknown } = options
  if (key !== undefined && key !== null && typeof key !== 'string') {
    throw new TypeError(`Cannot make a session: key must be a string, got ${shown(key)}; pass String(id)`)
  }
  return { tokens: tokensIn(token), key: key ?? undefined }
}

/**
 * Tokens come from outside, so nothing about them is an error: `null`, as databases and JSON have it, is none, and
 * what is no text is a token that cannot be read.
 */
export function tokensIn(token: unknown): readonly string[] {
  if (token === undefined || token === null) return []
  const tokens: readonly unknown[] = Array.isArray(token) ? token : [token]
  return tokens.map((one) => (typeof one === 'string' ? one : ''))
}
