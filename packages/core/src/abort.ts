/**
 * Waits for a promise, or for the signal, whichever comes first. The promise itself is not cancelled,
 * and its later failure is not reported as unhandled.
 *
 * @param onLate gets the value if it arrives after the abort, to release what it holds.
 * @throws `signal.reason` if the signal is aborted first.
 */
export async function waitOrAbort<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  onLate?: (value: T) => void,
): Promise<T> {
  if (signal === undefined) return promise
  let abort: (() => void) | undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => {
      promise.then(onLate, () => {})
      reject(signal.reason)
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    if (abort !== undefined) signal.removeEventListener('abort', abort)
  }
}
