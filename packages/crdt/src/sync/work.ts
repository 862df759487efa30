/** At once for a CRDT, later for a store. Of the two callbacks one is called, and nothing is thrown that `work` throws. */
export function whenDone<T>(
  work: () => T | Promise<T>,
  done: (value: T) => void,
  failed: (cause: unknown) => void,
): void {
  let answer: T | Promise<T>
  try {
    answer = work()
  } catch (cause) {
    failed(cause)
    return
  }
  if (answer instanceof Promise) void later(answer, done, failed)
  else done(answer)
}

async function later<T>(
  answer: Promise<T>,
  done: (value: T) => void,
  failed: (cause: unknown) => void,
): Promise<void> {
  let value: T
  try {
    value = await answer
  } catch (cause) {
    failed(cause)
    return
  }
  done(value)
}

/** The caller's own mistakes come out where they can be seen, but not in the middle of what goes on here. */
export function callSafely<A extends unknown[]>(
  callback: ((...args: A) => void) | undefined,
  ...args: A
): void {
  try {
    callback?.(...args)
  } catch (error) {
    void Promise.reject(error)
  }
}

/** By their code: a store may come from another copy of this package. */
export function isStoreError(cause: unknown): boolean {
  const { code } = (cause ?? {}) as { code?: unknown }
  return code === 'QUORATE_CRDT_STORE' || code === 'QUORATE_CRDT_STORE_BUSY'
}
