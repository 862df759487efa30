/** A listener for typed facts about what a component does. What it throws is ignored. */
export type EventListener<E> = (event: E) => void

/**
 * Reports a fact to an observer. The event is built only if someone listens, and an observer that
 * throws cannot change the result of what it observes.
 *
 * @param onEvent the caller's listener, if there is one.
 * @param build makes the event.
 */
export function emit<E>(onEvent: EventListener<E> | undefined, build: () => E): void {
  if (onEvent === undefined) return
  try {
    onEvent(build())
  } catch {
    // An observer must not break what it observes.
  }
}
