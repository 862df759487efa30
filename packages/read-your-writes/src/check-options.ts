import { checkNames } from '@quorate/core'
import type { ReadYourWritesOptions } from './options.ts'

/** As text for a message: `''` and `'5'` stay apart from nothing and from 5. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return isObject(value) ? 'an object' : String(value)
}

/**
 * Checks what a router is made of: a wrong pool would otherwise look like a server that is down.
 *
 * @param settings names of the options that have defaults.
 * @throws TypeError for a wrong kind of thing; RangeError for two replicas of one id.
 */
export function checkShape(options: ReadYourWritesOptions, settings: readonly string[]): void {
  mustBe(isObject(options), 'options must be an object', options)
  const known = ['primary', 'replicas', 'secret', 'name', ...settings, 'onEvent', 'clock', 'random']
  checkNames('route reads', options, known)
  const { primary, replicas, secret, name = 'default' } = options
  mustBe(isPool(primary), 'primary must be a pool', primary, PASS_POOL)
  mustBe(Array.isArray(replicas), 'replicas must be an array', replicas, 'pass [{ id, pool }]')
  const ids = new Set<string>()
  for (const replica of replicas) {
    mustBe(isObject(replica), 'a replica must be an object', replica, 'pass { id, pool }')
    checkNames('route reads', replica, ['id', 'pool', 'weight'], ' of a replica')
    const { id, pool, weight = 1 } = replica
    mustBe(typeof id === 'string' && id !== '', 'id of a replica must be a non-empty string', id)
    mustBe(isPool(pool), `pool of replica ${id} must be a pool`, pool, PASS_POOL)
    mustBe(typeof weight === 'number', `weight of replica ${id} must be a number`, weight)
    if (ids.has(id)) {
      throw new RangeError(`Cannot route reads: each replica needs an id of its own, ${id} is there twice`)
    }
    ids.add(id)
  }
  mustBe(typeof name === 'string' && name !== '', 'name must be a non-empty string', name)
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  mustBe(
    secrets.every((one) => typeof one === 'string'),
    'secret must be a string or a list of strings',
    secret,
    'pass at least 16 bytes',
  )
}

const PASS_POOL = 'pass a pg.Pool'

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

const isPool = (value: unknown): boolean =>
  typeof (value as { connect?: unknown } | null | undefined)?.connect === 'function'

function mustBe(is: boolean, rule: string, value: unknown, advice = 'see its type'): void {
  if (is) return
  throw new TypeError(`Cannot route reads: ${rule}, got ${shown(value)}; ${advice}`)
}
