import fc from 'fast-check'
import { expect, test } from 'vitest'
import { afterExchange, headerValue, LOST, lostMark, MAX_TOKENS } from './token-set.ts'

/** A server whose tokens are positions as text, and that does what the real one does with several, or with none it can read. */
class Server {
  position = 0

  answer(header: string | undefined, writes: boolean): { token: string | undefined; sawUpTo: number } {
    const carried = header === undefined ? [] : header.split(', ')
    const unreadable = carried.includes(LOST)
    const least = unreadable ? this.position : Math.max(0, ...carried.map(Number))
    if (writes) this.position++
    if (writes || unreadable) return { token: String(this.position), sawUpTo: this.position }
    // Of several it makes one, although nothing moved.
    return { token: carried.length > 1 ? String(least) : undefined, sawUpTo: least }
  }
}

type Step =
  | { readonly type: 'start'; readonly writes: boolean }
  | { readonly type: 'serve' | 'lose'; readonly pick: number }
  | { readonly type: 'arrive'; readonly pick: number }

interface Request {
  readonly writes: boolean
  readonly carried: ReadonlySet<string>
  readonly knewUpTo: number
  served?: { readonly token: string | undefined; readonly sawUpTo: number }
}

const steps = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('start' as const), writes: fc.boolean() }),
    fc.record({ type: fc.constantFrom('serve' as const, 'lose' as const), pick: fc.nat(100) }),
    fc.record({ type: fc.constant('arrive' as const), pick: fc.nat(100) }),
  ),
  { maxLength: 80, size: 'max' },
)

function run(script: readonly Step[]): { stale: string[]; most: number; atOnce: number } {
  const server = new Server()
  let held: ReadonlySet<string> = new Set()
  let knownUpTo = 0 // of writes whose answers came, and of lost ones that were applied
  let [most, atOnce] = [0, 0]
  const underWay: Request[] = []
  const stale: string[] = []
  let losses = 0
  const change = (exchanged: Parameters<typeof afterExchange>[1]): void => {
    const { add, remove } = afterExchange(held, exchanged, lostMark(String(++losses)))
    held = new Set([...[...held].filter((token) => !remove.includes(token)), ...add])
    most = Math.max(most, held.size)
  }
  for (const step of script) {
    if (step.type === 'start') {
      underWay.push({ writes: step.writes, carried: held, knewUpTo: knownUpTo })
      atOnce = Math.max(atOnce, underWay.length)
      continue
    }
    const request = underWay[step.pick % Math.max(1, underWay.length)]
    if (request === undefined) continue
    if (step.type === 'serve') {
      request.served ??= server.answer(headerValue(request.carried), request.writes)
      if (request.served.sawUpTo < request.knewUpTo) {
        stale.push(`saw ${request.served.sawUpTo}, knew ${request.knewUpTo}`)
      }
      continue
    }
    if (request.served === undefined) continue
    underWay.splice(underWay.indexOf(request), 1)
    const { token, sawUpTo } = request.served
    const lost = step.type === 'lose' && request.writes
    const answered = step.type === 'arrive' && token !== undefined ? [token] : []
    if (request.writes) knownUpTo = Math.max(knownUpTo, sawUpTo)
    change({ carried: request.carried, answered, lost })
  }
  return { stale, most, atOnce }
}

test('in whichever order answers come or are lost, no request misses a write that was answered before it', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const { stale, most, atOnce } = run(script)
      expect(stale).toEqual([])
      expect(most).toBeLessThanOrEqual(Math.min(MAX_TOKENS, Math.max(1, atOnce)))
    }),
    { numRuns: 2_000 },
  )
})
