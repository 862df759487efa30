import type { ResponseLike } from './node-session.ts'

/**
 * Calls `act` once, when the headers are about to go, whoever sends them: `end()`, the first piece of a
 * stream, an error handler. All of them pass through `writeHead`.
 */
export function beforeHeaders(response: ResponseLike, act: () => void): void {
  const original = response.writeHead.bind(response) as (...input: unknown[]) => unknown
  let acted = false
  response.writeHead = (...input: unknown[]): unknown => {
    const isFirst = !acted
    if (isFirst) {
      acted = true
      act()
      keepCookies(response, input)
    }
    try {
      return original(...input)
    } catch (error) {
      if (isFirst) acted = false // they did not go, and who answers instead may take away all that was set
      throw error
    }
  }
}

/** Cookies given to `writeHead()` itself would replace those set before, so they are set before as well. */
function keepCookies(response: ResponseLike, input: unknown[]): void {
  const at = input.findIndex((item) => typeof item === 'object' && item !== null)
  const headers = listed(input[at])
  if (headers === undefined || headers === null) return
  input[at] = headers
  const pairs = Array.isArray(headers) ? pairsOf(headers) : Object.entries(headers as Record<string, unknown>)
  const isCookie = ([name]: readonly [string, unknown]): boolean => name.toLowerCase() === 'set-cookie'
  const cookies = pairs.filter(isCookie)
  if (cookies.length === 0) return
  for (const [, value] of cookies) {
    for (const cookie of Array.isArray(value) ? value : [value])
      response.appendHeader('Set-Cookie', String(cookie))
  }
  const rest = pairs.filter((pair) => !isCookie(pair))
  input[at] = Array.isArray(headers) ? rest.flat() : Object.fromEntries(rest)
}

/** Node takes a list of pairs as well, but only if no header was set before. */
function listed(headers: unknown): unknown {
  return Array.isArray(headers) && headers.length > 0 && headers.every(isPair) ? headers.flat() : headers
}

const isPair = (item: unknown): boolean => Array.isArray(item) && item.length === 2

/** Node takes a list of name, value, name, value. */
function pairsOf(list: readonly unknown[]): [string, unknown][] {
  const pairs: [string, unknown][] = []
  for (let index = 0; index + 1 < list.length; index += 2) pairs.push([String(list[index]), list[index + 1]])
  return pairs
}
