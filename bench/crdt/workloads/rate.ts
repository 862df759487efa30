import { cpuMsOf } from '../../harness/index.ts'

/** A round works until it has used so much CPU, ms. */
const ENOUGH_MS = 80
/**
 * The first round, which is the warm-up, gives the compiler so much, ms of CPU. With 600 the three rounds after it still
 * became faster by half, each at another pace.
 */
const WARM_MS = 2_500

/**
 * Measures the CPU that a work takes, ms, each time on something fresh that is made before the clock starts: as many times
 * as it takes for a figure that neither the clock's grain nor the compiler's start blurs. The first call finds out how
 * many. What is done is let go at once: a program does not hold hundreds of copies, and to keep them would measure the
 * collector.
 *
 * @param make what one work needs.
 * @param work returns what it made.
 * @param check throws if the last of that is not what it should be.
 */
export function costOf<C, R>(make: () => C, work: (fresh: C) => R, check: (result: R) => void): () => number {
  let times = 1
  let spentMs = 0
  return () => {
    for (;;) {
      const fresh = Array.from({ length: times }, make)
      const { ms, result } = cpuMsOf(() => {
        let last: R | undefined
        for (let one = fresh.pop(); one !== undefined; one = fresh.pop()) last = work(one)
        return last as R
      })
      check(result)
      spentMs += ms
      if (ms < ENOUGH_MS) times *= 2
      else if (spentMs >= WARM_MS) return ms / times
    }
  }
}

/** As {@link costOf}, for `operations` on a copy: how many a second of CPU does. */
export function rateOf<C>(
  make: () => C,
  operations: number,
  work: (copy: C) => void,
  check: (copy: C) => void,
): () => number {
  const cost = costOf(
    make,
    (copy) => {
      work(copy)
      return copy
    },
    check,
  )
  return () => (operations * 1_000) / cost()
}

/** @throws Error if a case has the wrong answer: a wrong answer is not fast. */
export function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (actual === expected) return
  const shown = (value: unknown): string => {
    const text = String(value)
    return text.length > 60 ? `${text.slice(0, 60)}… (${text.length} characters)` : text
  }
  throw new Error(`${what} is ${shown(actual)}, expected ${shown(expected)}`)
}
