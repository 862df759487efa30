import { useSyncExternalStore } from 'react'

export const PAGES = ['shop', 'replicas'] as const
export type PageName = (typeof PAGES)[number]

/** The page that the address names after its `#`, so that it can be linked to and reloaded. */
export function usePage(): PageName {
  const hash = useSyncExternalStore(subscribe, () => location.hash.slice(1))
  return PAGES.find((page) => page === hash) ?? 'shop'
}

function subscribe(changed: () => void): () => void {
  addEventListener('hashchange', changed)
  return () => removeEventListener('hashchange', changed)
}
