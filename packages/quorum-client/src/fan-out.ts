/** What to do with the answers of a round. */
export interface FanOut<R, A> {
  readonly targets: readonly R[]
  readonly call: (target: R) => Promise<A>
  readonly onAnswer: (target: R, answer: A) => void
  readonly onFailure: (target: R, error: unknown) => void
  /** Asked after each answer and failure: true ends the round. */
  readonly isOver: () => boolean
  /** Aborting ends the round. */
  readonly signal: AbortSignal
}

/**
 * Calls all targets at once and resolves when the round is over: enough have answered, too many have
 * failed, all are through, or the signal is aborted. Never rejects. What comes later is not reported.
 */
export function fanOut<R, A>(round: FanOut<R, A>): Promise<void> {
  const { targets, call, onAnswer, onFailure, isOver, signal } = round
  return new Promise((resolve) => {
    let pending = targets.length
    let over = false
    const finish = (): void => {
      over = true
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const settle = (report: () => void): void => {
      if (over) return
      pending--
      report()
      if (pending === 0 || isOver()) finish()
    }
    signal.addEventListener('abort', finish, { once: true })
    if (pending === 0 || signal.aborted) finish()
    for (const target of targets) {
      call(target).then(
        (answer) => settle(() => onAnswer(target, answer)),
        (error: unknown) => settle(() => onFailure(target, error)),
      )
    }
  })
}
