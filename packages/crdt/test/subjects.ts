// Every type of the package under one hat, for the tests that all of them must pass: what is edited, and how one
// can tell from the edits and the last value that an acknowledged one is lost.
import type { Crdt, CrdtType, Delta } from '../src/index.ts'

/** An edit as the test remembers it. */
export interface Noted {
  /** The element, word or key that is added or taken away; empty for others. */
  readonly key: string
  readonly kind: 'add' | 'remove' | 'set'
  readonly amount: number
  /** False if nobody said that it was done: it may be there or not. */
  readonly acknowledged: boolean
}

export interface Edited {
  readonly delta: Delta
  readonly note: Omit<Noted, 'acknowledged'>
}

export type AnyCrdt = Crdt<CrdtType, unknown>

/** Where a replica gets its name and time from. */
export interface Place {
  readonly replica: string
  readonly now?: (() => number) | undefined
}

export interface Subject {
  readonly name: CrdtType
  make(place: Place): AnyCrdt
  decode(bytes: Uint8Array, place: Place): AnyCrdt
  fromJSON(json: unknown, place: Place): AnyCrdt
  /** Does one edit by chance. `id` is unique among all edits of a run. Undefined if there was nothing to do. */
  edit(crdt: AnyCrdt, random: () => number, id: string): Edited | undefined
  /** What is wrong with the value that all replicas have in the end. */
  lost(notes: readonly Noted[], crdt: AnyCrdt): string | undefined
}

export const pick = <T>(list: readonly T[], random: () => number): T | undefined =>
  list[Math.floor(random() * list.length)]

/**
 * Elements are added under names used once, so what was acknowledged is there in the end unless somebody asked for
 * its removal; and nothing is there that nobody added.
 */
export function lostElements(notes: readonly Noted[], elements: Iterable<string>): string | undefined {
  const left = new Set(elements)
  const removed = new Set(notes.filter(({ kind }) => kind === 'remove').map(({ key }) => key))
  const added = new Set(notes.filter(({ kind }) => kind === 'add').map(({ key }) => key))
  // A set that did not know of the removal puts its element back, as it should.
  const set = new Set(notes.filter(({ kind }) => kind === 'set').map(({ key }) => key))
  for (const { key, kind, acknowledged } of notes) {
    if (kind === 'add' && acknowledged && !removed.has(key) && !left.has(key)) {
      return `${key} was acknowledged and is gone`
    }
    // Who removes an element knows of its only add, so it cannot come back.
    if (kind === 'remove' && acknowledged && !set.has(key) && left.has(key))
      return `${key} was removed and is back`
  }
  for (const key of left) if (!added.has(key)) return `${key} is there and nobody added it`
  return undefined
}

/** The value of a counter is what was acknowledged, and perhaps some of what was not. */
export function lostCounts(notes: readonly Noted[], value: number): string | undefined {
  const sum = (list: readonly Noted[]): number => list.reduce((total, { amount }) => total + amount, 0)
  const unsure = notes.filter(({ acknowledged }) => !acknowledged)
  const sure = sum(notes.filter(({ acknowledged }) => acknowledged))
  const low = sure + sum(unsure.filter(({ amount }) => amount < 0))
  const high = sure + sum(unsure.filter(({ amount }) => amount > 0))
  return value >= low && value <= high ? undefined : `the sum is ${value}, expected ${low} to ${high}`
}

/** A register holds what somebody set; nothing only if nobody did, or somebody cleared it. */
export function lostValue(notes: readonly Noted[], held: readonly string[]): string | undefined {
  const set = new Set(notes.filter(({ kind }) => kind === 'set').map(({ key }) => key))
  for (const id of held) if (!set.has(id)) return `${id} is there and nobody set it`
  if (held.length > 0 || notes.some(({ kind }) => kind === 'remove')) return undefined
  const lost = notes.find(({ kind, acknowledged }) => kind === 'set' && acknowledged)
  return lost && `${lost.key} was acknowledged, nobody cleared it, and nothing is there`
}

/** Adds an element of a new name, or removes one that is there. */
export function editElements(
  random: () => number,
  id: string,
  present: readonly string[],
  add: (element: string) => Delta,
  remove: (element: string) => Delta,
): Edited {
  // In order: equal states may list their elements in different ones.
  const there = random() < 0.3 ? pick(present.toSorted(), random) : undefined
  if (there !== undefined) return { delta: remove(there), note: { key: there, kind: 'remove', amount: 0 } }
  return { delta: add(id), note: { key: id, kind: 'add', amount: 1 } }
}
