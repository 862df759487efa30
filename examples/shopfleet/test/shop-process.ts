/**
 * The whole shop in a process of its own, to be killed. Certain answers between its services are never sent: the work
 * is done and its caller does not know. Each is named by the trace of the customer's request and by its path:
 *
 *   node shop-process.ts DATA_DIR TRACE_ID=PATTERN…
 *
 * Prints the gateway's URL, then the trace id of each answer that is withheld.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { startShop } from '../src/shop.ts'

const [dataDir = '', ...rules] = process.argv.slice(2)
const withheld = new Map(
  rules.map((rule) => {
    const at = rule.indexOf('=')
    return [rule.slice(0, at), { pattern: new RegExp(rule.slice(at + 1)), isTold: false }]
  }),
)

subscribe('http.server.request.start', (message) => {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse }
  const traceId = String(request.headers['traceparent'] ?? '').split('-')[1] ?? ''
  const rule = withheld.get(traceId)
  if (rule === undefined || !rule.pattern.test(`${request.method} ${request.url}`)) return
  // Also of each repeat.
  response.end = () => {
    if (!rule.isTold) console.log(traceId)
    rule.isTold = true
    return response
  }
})

const shop = await startShop({ dataDir, deliveryMs: 50, payoutEveryMs: 60_000 })
console.log(shop.gatewayUrl)
