import type { Context } from 'hono'

/** What `@hono/node-server` gives as `c.env`, as far as it is used here. */
interface NodeBindings {
  readonly outgoing?: { once?: (event: 'close', listener: () => void) => unknown } | undefined
}

/**
 * Calls `act` when the response has gone, or its client has. Node tells. Elsewhere only a stream can end later
 * than its response was returned, and only one that is surely a stream is watched: to pass other bodies through
 * one would take their length away. All others end at once.
 */
export function whenEnded(c: Context, act: () => void): void {
  const { outgoing } = (c.env ?? {}) as NodeBindings
  if (typeof outgoing?.once === 'function') {
    outgoing.once('close', act)
    return
  }
  const { res } = c
  const isStream =
    res.headers.has('transfer-encoding') || res.headers.get('content-type')?.startsWith('text/event-stream')
  if (isStream !== true || res.body === null) {
    act()
    return
  }
  const body = res.body.pipeThrough(new TransformStream({ flush: act, cancel: act }))
  c.res = new Response(body, res)
}
