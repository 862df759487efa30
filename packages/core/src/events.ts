/** A listener for typed facts about what a component does. What it throws or rejects with is ignored. */
export type EventListener<E> = (event: E) => void

/**
 * Reports a fact to an observer. The event is built only if someone listens, and an observer that
 * throws, or an asynchronous one that rejects, cannot change the result of what it observes.
 *
 * @param onEvent the caller's listener, if there is one.
 * @param build makes the event.
 */
export function emit<E>(onEvent: EventListener<E> | undefined, build: () => E): void {
  if (onEvent === undefined) return
  try {
    // `void` lets callers pass an async function; its rejection would otherwise end the process.
    const returned: unknown = onEvent(build())
    if (returned instanceof Promise) returned.catch(() => {})
  } catch {
    // An observer must not break what it observes.
  }
}
