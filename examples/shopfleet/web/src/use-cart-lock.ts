import { useCallback, useEffect, useState } from 'react'

export type CartLock =
  | { readonly state: 'asking' | 'mine' }
  /** Another tab has it. */
  | { readonly state: 'elsewhere'; readonly takeOver: () => void }

/**
 * Two tabs of one browser find the same replicas in its storage, and must not edit under one name. So one tab
 * at a time has a user's devices; another may take them over.
 */
export function useCartLock(user: string): CartLock {
  const [state, setState] = useState<CartLock['state']>('asking')
  const [attempt, setAttempt] = useState(0)

  useEffect(() => {
    const { locks } = navigator as { locks?: LockManager }
    if (locks === undefined) return setState('mine') // a page that is not served securely
    const name = `cart.${user}`
    const over = new AbortController()
    let release = (): void => {}
    const hold = (): Promise<void> => {
      if (over.signal.aborted) return Promise.resolve()
      setState('mine')
      return new Promise<void>((resolve) => (release = resolve))
    }
    /** @returns when the lock is given back, or has been taken over. */
    const request = async (options: LockOptions): Promise<void> => {
      try {
        await locks.request(name, options, (lock) => (lock === null ? undefined : hold()))
      } catch {
        // Taken over by another tab.
      }
    }
    const keepAsking = async (): Promise<void> => {
      await request(attempt > 0 ? { steal: true } : { ifAvailable: true })
      while (!over.signal.aborted) {
        setState('elsewhere')
        await request({}) // comes through when the other tab is closed
      }
    }
    void keepAsking()
    return () => {
      over.abort()
      release()
    }
  }, [user, attempt])

  const takeOver = useCallback(() => setAttempt((count) => count + 1), [])
  return state === 'elsewhere' ? { state, takeOver } : { state }
}
