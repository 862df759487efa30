import { checkNames } from '@quorate/core'
import type { ReadYourWritesOptions } from './options.ts'

/** As text for a message: `''` and `'5'` stay apart from nothing and from 5. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'function') return 'a function'
  return isObject(value) ? 'an object' : String(value)
}

/**
 * Checks what a router is made of: a wrong pool would otherwise look like a server that is down.
 *
 * @param settings names of the options that have defaults.
 * @throws TypeError for a wrong kind of thing; RangeError for two replicas of one id.
 */
export function checkShape(options: ReadYourWritesOptions, settings: readonly string[]): void {
  mustBe(isObject(options), 'options must be an object', options, 'pass { primary, replicas, secret }')
  const known = ['primary', 'replicas', 'secret', 'name', ...settings, 'onEvent', 'clock', 'random']
  checkNames('route reads', options, known)
  const { primary, replicas, secret, name = 'default' } = options
  checkPool('primary', primary)
  mustBe(Array.isArray(replicas), 'replicas must be an array', replicas, 'pass [{ id, pool }]')
  const ids = new Set<string>()
  for (const replica of replicas) {
    mustBe(isObject(replica), 'a replica must be an object', replica, 'pass { id, pool }')
    if (isPool(replica)) refuse('a replica must be { id, pool }', 'a pool', NAME_IT)
    checkNames('route reads', replica, ['id', 'pool', 'weight'], ' of a replica')
    const { id, pool, weight = 1 } = replica
    mustBe(typeof id === 'string' && id !== '', 'id of a replica must be a non-empty string', id, NAME_IT)
    checkPool(`pool of replica ${id}`, pool)
    mustBe(typeof weight === 'number', `weight of replica ${id} must be a number`, weight)
    if (ids.has(id)) {
      throw new RangeError(`Cannot route reads: each replica needs an id of its own, ${id} is there twice`)
    }
    if (id === 'primary') {
      throw new RangeError(`Cannot route reads: id of a replica must not be primary; ${TAKEN}`)
    }
    ids.add(id)
  }
  mustBe(typeof name === 'string' && name !== '', 'name must be a non-empty string', name)
  const { onEvent } = options
  mustBe(
    onEvent === undefined || typeof onEvent === 'function',
    'onEvent must be a function',
    onEvent,
    'pass (event) => …',
  )
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  mustBe(
    secrets.every((one) => typeof one === 'string'),
    'secret must be a string or a list of strings',
    secret,
    'pass at least 16 bytes',
  )
}

const PASS_POOL = 'pass a pg.Pool'
const NAME_IT = "name it, as in { id: 'r1', pool }"
const TAKEN = 'that is what events call the primary'

/** A client has a connect() as well, but one connection is not enough; nor is a pool of one. */
function checkPool(what: string, pool: unknown): void {
  const { escapeLiteral, options } = (pool ?? {}) as Partial<Record<string, unknown>>
  mustBe(isPool(pool), `${what} must be a pool`, pool, PASS_POOL)
  if (typeof escapeLiteral === 'function') refuse(`${what} must be a pool`, 'a client', PASS_POOL)
  const { max } = (options ?? {}) as { readonly max?: unknown }
  if (typeof max === 'number' && max < 2) {
    throw new RangeError(
      `Cannot route reads: ${what} must allow 2 connections or more, got max ${max}; the probes keep one`,
    )
  }
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

const isPool = (value: unknown): boolean =>
  typeof (value as { connect?: unknown } | null | undefined)?.connect === 'function'

function mustBe(is: boolean, rule: string, value: unknown, advice = 'see its type'): void {
  if (!is) refuse(rule, shown(value), advice)
}

function refuse(rule: string, got: string, advice: string): never {
  throw new TypeError(`Cannot route reads: ${rule}, got ${got}; ${advice}`)
}
