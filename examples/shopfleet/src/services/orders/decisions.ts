/** Who waits for which order. Woken by the saga's own events; several waiters may wait for one order. */
export interface Decisions {
  /** Something about this order was decided. */
  announce(orderId: string): void
  /** Resolves at the next announcement, or after `maxMs`, whichever comes first. */
  next(orderId: string, maxMs: number): Promise<void>
}

export function decisions(): Decisions {
  const waiting = new Map<string, Set<() => void>>()
  return {
    announce(orderId) {
      const wakers = waiting.get(orderId)
      waiting.delete(orderId)
      for (const wake of wakers ?? []) wake()
    },

    next(orderId, maxMs) {
      return new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer)
          const wakers = waiting.get(orderId)
          wakers?.delete(wake)
          if (wakers?.size === 0) waiting.delete(orderId)
          resolve()
        }
        const timer = setTimeout(wake, maxMs)
        const wakers = waiting.get(orderId) ?? new Set()
        waiting.set(orderId, wakers.add(wake))
      })
    },
  }
}
