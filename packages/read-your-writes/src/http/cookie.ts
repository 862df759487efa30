/** The session cookie; always `HttpOnly`. */
export interface CookieOptions {
  /** Default `quorate-session`. Give each database of one host its own. */
  readonly name?: string | undefined
  /** Default `/`. */
  readonly path?: string | undefined
  readonly domain?: string | undefined
  /** Default `lax`. */
  readonly sameSite?: 'strict' | 'lax' | 'none' | undefined
  /** Default: as the request came (`request.secure`). */
  readonly secure?: boolean | undefined
  /** Default one day: replicas have long caught up by then. */
  readonly maxAgeSeconds?: number | undefined
}

const ONE_DAY_SECONDS = 86_400
const DEFAULT_NAME = 'quorate-session'

export function cookieText(options: CookieOptions, token: string, secure: boolean): string {
  const {
    name = DEFAULT_NAME,
    path = '/',
    domain,
    sameSite = 'lax',
    maxAgeSeconds = ONE_DAY_SECONDS,
  } = options
  const parts = [`${name}=${token}`, `Path=${path}`, `Max-Age=${maxAgeSeconds}`, 'HttpOnly']
  if (domain !== undefined) parts.push(`Domain=${domain}`)
  parts.push(`SameSite=${sameSite.charAt(0).toUpperCase()}${sameSite.slice(1)}`)
  if (options.secure ?? secure) parts.push('Secure')
  return parts.join('; ')
}

/** The values of the session cookie in a Cookie header: one of another path or domain does not hide ours. */
export function cookieValues(
  header: string | string[] | undefined,
  { name = DEFAULT_NAME }: CookieOptions,
): string[] {
  const values: string[] = []
  for (const part of (Array.isArray(header) ? header.join(';') : (header ?? '')).split(';')) {
    const at = part.indexOf('=')
    if (at <= 0 || part.slice(0, at).trim() !== name) continue
    const value = part.slice(at + 1).trim()
    values.push(value.replaceAll('"', ''))
  }
  return values
}
