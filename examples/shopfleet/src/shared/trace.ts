/**
 * W3C Trace Context: one id per customer request, made at the gateway and handed on by every hop, also
 * through the state of a saga, so that a background step days later logs the id of the click that caused it.
 * https://www.w3.org/TR/trace-context/#traceparent-header
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'

export interface Trace {
  /** 32 hex digits, the same on every hop. */
  readonly traceId: string
  /** 16 hex digits, this hop's own. */
  readonly spanId: string
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/
const current = new AsyncLocalStorage<Trace>()

export function newTrace(): Trace {
  return { traceId: hex(32), spanId: hex(16) }
}

/** This hop's part of the trace in a `traceparent` header; a new trace if there is none or it is malformed. */
export function continueTrace(header: string | undefined): Trace {
  const traceId = TRACEPARENT.exec(header ?? '')?.[1]
  if (traceId === undefined || /^0+$/.test(traceId)) return newTrace()
  return { traceId, spanId: hex(16) }
}

export function traceparent({ traceId, spanId }: Trace): string {
  return `00-${traceId}-${spanId}-01`
}

/** Runs `work` so that its logs and outgoing calls carry the trace. */
export function withTrace<T>(trace: Trace, work: () => T): T {
  return current.run(trace, work)
}

/** The trace of the request being served; `undefined` outside one. */
export function currentTrace(): Trace | undefined {
  return current.getStore()
}

/** Random hex digits, at most 32. Node draws UUIDs from a stock of random bytes, which is cheaper than asking each time. */
function hex(digits: number): string {
  return randomUUID().replaceAll('-', '').slice(-digits)
}
