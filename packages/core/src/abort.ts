/**
 * Waits for a promise or for the signal, whichever comes first. The promise itself is not cancelled,
 * and its later failure is not reported as unhandled.
 *
 * @param onLate gets the value if it arrives after the abort, to release what it holds. Either the
 *   caller gets the value or `onLate` does, never both. What it throws is ignored.
 * @throws `signal.reason` if the signal is aborted first.
 *
 * @example
 * ```ts
 * const client = await waitOrAbort(pool.connect(), signal, (late) => late.release())
 * ```
 */
export function waitOrAbort<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  onLate?: (value: T) => void,
): Promise<T> {
  if (signal === undefined) return promise
  // Not Promise.race: with both sides settled in one turn it could return a value that `onLate` also got.
  return new Promise((resolve, reject) => {
    let aborted = false
    const onAbort = (): void => {
      aborted = true
      reject(signal.reason)
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })

    const settle = (): void => signal.removeEventListener('abort', onAbort)
    promise
      .then(
        (value) => {
          settle()
          if (aborted) onLate?.(value)
          else resolve(value)
        },
        (error: unknown) => {
          settle()
          reject(error)
        },
      )
      .catch(() => {}) // only onLate can throw here, and nobody is left to tell
  })
}
