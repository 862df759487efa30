import { checkNames } from '@quorate/core'
import { shown } from '../check-options.ts'
import type { CarrierOptions } from './carrier.ts'
import type { CookieOptions } from './cookie.ts'

type HttpOptions = CarrierOptions & { readonly key?: unknown; readonly name?: unknown }

/**
 * Checks what an integration is made with: a wrong option would otherwise show in the first answer only.
 *
 * @param action what is being done, for the message.
 * @param known names of the options, without those of {@link CarrierOptions}.
 * @throws TypeError for a wrong kind of thing or an unknown option; RangeError for an age below 0.
 */
export function checkHttpOptions(
  action: string,
  db: unknown,
  options: HttpOptions,
  known: readonly string[],
): void {
  checkRouter(action, db)
  const must = mustOf(action)
  must(isObject(options), 'options must be an object', options, 'leave them out for the defaults')
  checkNames(action, options, [...known, 'cookie', 'header'])
  checkSessionOptions(action, options)
}

/** @throws TypeError unless sessions can be made by it. */
export function checkRouter(action: string, db: unknown): void {
  const router = db as { session?: unknown; run?: unknown } | null | undefined
  const isRouter = typeof router?.session === 'function' && typeof router.run === 'function'
  mustOf(action)(isRouter, 'db must be a router', db, 'pass what readYourWrites() returned')
}

/** The same for an integration that makes the router itself, among whose options these are. */
export function checkSessionOptions(action: string, { key, name, cookie, header }: HttpOptions): void {
  const must = mustOf(action)
  must(isOptional(key, 'function'), 'key must be a function', key, 'pass (request) => userId')
  must(isOptional(name, 'string'), 'name must be a string', name, 'leave it out unless there are two')
  const isHeader = typeof header === 'string' || isOptional(header, 'boolean')
  must(isHeader, 'header must be true, false or a name', header, 'leave it out for Quorate-Session')
  if (cookie === undefined || cookie === false) return
  must(isObject(cookie), 'cookie must be an object or false', cookie, 'leave it out for the default cookie')
  checkCookie(action, cookie)
}

function mustOf(action: string) {
  return (is: boolean, rule: string, value: unknown, advice: string): void => {
    if (!is) throw new TypeError(`Cannot ${action}: ${rule}, got ${shown(value)}; ${advice}`)
  }
}

const COOKIE_OPTIONS: readonly (keyof CookieOptions)[] = [
  'name',
  'path',
  'domain',
  'sameSite',
  'secure',
  'maxAgeSeconds',
]

/** RFC 6265, section 4.1.1. */
const COOKIE_NAME = /^[\w!#$%&'*+.^`|~-]+$/
const COOKIE_ATTRIBUTE = /^[ -:<-~]+$/

function checkCookie(action: string, cookie: CookieOptions): void {
  const must = mustOf(action)
  checkNames(action, cookie, COOKIE_OPTIONS, ' of the cookie')
  const { name, path, domain, sameSite, secure, maxAgeSeconds } = cookie
  const isText = (value: unknown, pattern: RegExp): boolean =>
    value === undefined || (typeof value === 'string' && pattern.test(value))
  must(isText(name, COOKIE_NAME), 'name of the cookie must be a token', name, 'use letters, digits and -')
  for (const [attribute, value] of Object.entries({ path, domain })) {
    const rule = `${attribute} of the cookie must be text without semicolons`
    must(isText(value, COOKIE_ATTRIBUTE), rule, value, 'leave it out for the default')
  }
  must(
    sameSite === undefined || ['strict', 'lax', 'none'].includes(sameSite),
    'sameSite of the cookie must be strict, lax or none',
    sameSite,
    'leave it out for lax',
  )
  must(isOptional(secure, 'boolean'), 'secure of the cookie must be true or false', secure, AS_REQUESTED)
  must(
    sameSite !== 'none' || secure !== false,
    'secure of a cookie with sameSite none must not be off',
    secure,
    'browsers drop such a cookie; leave it out or pass true',
  )
  must(isOptional(maxAgeSeconds, 'number'), 'maxAgeSeconds must be a number', maxAgeSeconds, 'pass seconds')
  if (maxAgeSeconds !== undefined && !(Number.isInteger(maxAgeSeconds) && maxAgeSeconds > 0)) {
    throw new RangeError(
      `Cannot ${action}: maxAgeSeconds must be a whole number from 1, got ${maxAgeSeconds}; ` +
        'it should outlast the longest lag of a replica',
    )
  }
}

const AS_REQUESTED = 'leave it out to follow the request'

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

const isOptional = (value: unknown, type: 'boolean' | 'function' | 'number' | 'string'): boolean =>
  value === undefined || typeof value === type
