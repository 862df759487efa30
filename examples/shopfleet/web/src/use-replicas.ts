import { useEffect, useState } from 'react'
import type { ReplicasReport } from '../../src/api.ts'
import type { Shop } from './shop.ts'

const REFRESH_MS = 500

export interface Replicas {
  /** `undefined` until the first answer. */
  readonly report: ReplicasReport | undefined
  /** Why the last look failed; the report is then an older one. */
  readonly failure: string | undefined
}

/** Looks again and again while the page is open and can be seen, one look at a time. */
export function useReplicas(shop: Shop): Replicas {
  const [replicas, setReplicas] = useState<Replicas>({ report: undefined, failure: undefined })

  useEffect(() => {
    let isOpen = true
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = async (): Promise<void> => {
      if (!document.hidden) {
        try {
          const report = await shop.replicas()
          if (isOpen) setReplicas({ report, failure: undefined })
        } catch (error) {
          if (isOpen) setReplicas(({ report }) => ({ report, failure: (error as Error).message }))
        }
      }
      if (isOpen) timer = setTimeout(() => void look(), REFRESH_MS)
    }
    void look()
    return () => {
      isOpen = false
      clearTimeout(timer)
    }
  }, [shop])
  return replicas
}
