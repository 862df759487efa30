import { catchRejections } from './rejections.ts'
import { setTraps } from './traps.ts'

interface Storage {
  run<T>(store: boolean, code: () => T): T
  getStore(): boolean | undefined
}

let last: Promise<unknown> = Promise.resolve()
/** Knows what a check has called, also after it has waited. */
const withinCheck = storageOf(globalThis)

function storageOf({
  process,
}: {
  process?: { getBuiltinModule?: (name: string) => unknown }
}): Storage | undefined {
  const hooks = process?.getBuiltinModule?.('node:async_hooks') as
    | { AsyncLocalStorage?: new () => Storage }
    | undefined
  return hooks?.AsyncLocalStorage === undefined ? undefined : new hooks.AsyncLocalStorage()
}

/** Runs a check. A simulation that it starts would wait for the one that waits for the check. */
export function judging<T>(check: () => T): T {
  return withinCheck === undefined ? check() : withinCheck.run(true, check)
}

/**
 * Does `work` with the traps set, after all that was asked for before: there is one global clock, so only one
 * simulation can have it at a time.
 */
export async function exclusively<T>(work: () => Promise<T>): Promise<T> {
  if (withinCheck?.getStore() === true)
    throw new Error(
      'Cannot simulate from within a check: one simulation runs at a time; start it after this one',
    )
  const mine = last.then(async () => {
    const removeTraps = setTraps()
    const releaseRejections = catchRejections()
    try {
      return await work()
    } finally {
      removeTraps()
      releaseRejections()
    }
  })
  last = mine.catch(() => {})
  return mine
}
