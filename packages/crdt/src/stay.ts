import { DecodeError } from '@quorate/vector-clock'
import type { CrdtType } from './crdt.ts'
import type { DotStore } from './dot-store.ts'
import type { Entry, Live } from './fragment.ts'
import type { SetElement } from './element.ts'

/**
 * Sees to it that what never goes stays: of an element whose entries a merge would take away another one must be
 * there, as when an heir has put it in under its own name; and another removal where removals are for good. Nobody
 * who keeps to the rules sends anything else.
 *
 * @throws DecodeError if an element, or its removal, would be gone.
 */
export function checkStay<P>(
  type: CrdtType,
  store: DotStore<SetElement, P>,
  news: readonly Entry<SetElement, P>[],
  removed: readonly Live<SetElement, P>[],
): void {
  if (removed.length === 0) return
  const gone = new Set(removed)
  // Each element once: a sender may take away many entries of one.
  const lost = new Map(removed.map(({ key, payload }) => [key, payload]))
  for (const { key, payload } of removed) if (payload === false) lost.set(key, payload)
  const stays = ({ key, payload }: Entry<SetElement, P>): void => {
    if (lost.get(key) !== false || payload === false) lost.delete(key)
  }
  news.forEach(stays)
  for (const key of lost.keys()) for (const entry of store.list(key)) if (!gone.has(entry)) stays(entry)
  if (lost.size > 0) throw new DecodeError(type, 'it takes away what stays for good')
}
