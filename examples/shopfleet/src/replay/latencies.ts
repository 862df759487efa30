/** Latency samples by step, for the closing report. */
export class Latencies {
  readonly #samples = new Map<string, number[]>()

  add(step: string, ms: number): void {
    const own = this.#samples.get(step)
    if (own === undefined) this.#samples.set(step, [ms])
    else own.push(ms)
  }

  async time<T>(step: string, work: () => Promise<T>): Promise<T> {
    const startMs = performance.now()
    try {
      return await work()
    } finally {
      this.add(step, performance.now() - startMs)
    }
  }

  /** Nearest-rank percentiles in ms, one decimal. */
  summary(): Record<string, { p50: number; p99: number; count: number }> {
    return Object.fromEntries(
      [...this.#samples].map(([step, samples]) => {
        const sorted = samples.toSorted((a, b) => a - b)
        return [step, { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), count: sorted.length }]
      }),
    )
  }
}

function percentile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return Math.round(value * 10) / 10
}
