import { AsyncLocalStorage } from 'node:async_hooks'

/** The session of whoever is running now, carried along promises and callbacks. */
export interface SessionContext<S> {
  current(): S | undefined
  run<T>(session: S, work: () => T): T
}

export function asyncContext<S>(): SessionContext<S> {
  const storage = new AsyncLocalStorage<S>()
  return { current: () => storage.getStore(), run: (session, work) => storage.run(session, work) }
}
