/** Who waits for which order. Woken by the saga's own events; several waiters may wait for one order. */
export interface Decisions {
  /** Something about this order was decided. */
  readonly announce: (orderId: string) => void
  /** @returns `true` at the next announcement, `false` if there is none within `maxMs`. */
  readonly next: (orderId: string, maxMs: number) => Promise<boolean>
}

export function decisions(): Decisions {
  const waiting = new Map<string, Set<(heard: boolean) => void>>()
  return {
    announce: (orderId) => {
      const wakers = waiting.get(orderId)
      waiting.delete(orderId)
      for (const wake of wakers ?? []) wake(true)
    },

    next: (orderId, maxMs) =>
      new Promise((resolve) => {
        const wake = (heard: boolean): void => {
          clearTimeout(timer)
          const wakers = waiting.get(orderId)
          wakers?.delete(wake)
          if (wakers?.size === 0) waiting.delete(orderId)
          resolve(heard)
        }
        const timer = setTimeout(() => wake(false), maxMs)
        const wakers = waiting.get(orderId) ?? new Set()
        waiting.set(orderId, wakers.add(wake))
      }),
  }
}
