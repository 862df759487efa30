import { AsyncLocalStorage } from 'node:async_hooks'

/** What goes for whoever is running now, carried along promises and callbacks: a session, a level. */
export interface AsyncContext<S> {
  current(): S | undefined
  run<T>(value: S, work: () => T): T
}

export function asyncContext<S>(): AsyncContext<S> {
  const storage = new AsyncLocalStorage<S>()
  return { current: () => storage.getStore(), run: (value, work) => storage.run(value, work) }
}
