/** Runs so many at once; the others wait, and go in the order in which they came. */
export function atMost(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running < max) running++
    else await new Promise<void>((go) => void waiting.push(go))
    try {
      return await work()
    } finally {
      // The place is handed on, so that nobody who comes now takes it first.
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
