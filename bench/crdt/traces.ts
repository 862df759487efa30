// The recorded editing traces, or made ones that say so in their names.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

/** One edit: how many units to take away at an index, and what to put there. */
export type Patch = readonly [index: number, removed: number, inserted: string]

/** Edits made together, in the state that the transactions named as parents (and theirs) make. */
export interface Transaction {
  readonly parents: readonly number[]
  readonly agent: number
  readonly patches: readonly Patch[]
}

/** Edits and the text they must lead to. */
export interface Trace {
  readonly name: string
  readonly transactions: readonly Transaction[]
  readonly end: string
}

/** Which trace a workload is about. */
export type TraceName = keyof typeof FILES

const FILES = {
  B4: 'automerge-paper.json.gz',
  rustcode: 'rustcode.json.gz',
  friendsforever: 'friendsforever.json.gz',
} as const

const folder = new URL('../../../shared/data/traces/', import.meta.url)
const MADE_EDITS = 30_000

/** True if the recorded traces are there. */
export const hasTraces: boolean = Object.values(FILES).every((file) => existsSync(new URL(file, folder)))

/** What to say when they are not. */
export const NO_TRACES: string =
  `There are no recorded traces in ${fileURLToPath(folder)}: made ones are used instead, whose figures are not those ` +
  'of the recorded ones. The recorded ones are automerge-paper, rustcode and friendsforever of ' +
  'github.com/josephg/editing-traces, as .json.gz'

/** What the groups about a trace are called. */
export function titleOf(name: TraceName): string {
  return hasTraces ? name : `made up in place of ${name}`
}

/** Reads a recorded trace, or makes one. */
export function traceOf(name: TraceName): Trace {
  if (!hasTraces) return name === 'friendsforever' ? madeByTwo() : madeByOne(name === 'B4' ? 1 : 2)
  const { txns, endContent } = JSON.parse(
    gunzipSync(readFileSync(new URL(FILES[name], folder))).toString(),
  ) as { txns: (Partial<Transaction> & Pick<Transaction, 'patches'>)[]; endContent: string }
  const transactions = txns.map(({ parents, agent = 0, patches }, index) => ({
    parents: parents ?? (index === 0 ? [] : [index - 1]),
    agent,
    patches,
  }))
  return { name, transactions, end: endContent }
}

/** Patches in columns: read from objects all over the heap, they would cost more than the fastest contestants. */
export interface Patches {
  readonly length: number
  readonly index: Uint32Array
  readonly removed: Uint32Array
  readonly inserted: readonly string[]
}

/**
 * The patches of a trace by one writer, in order.
 *
 * @param most no more than so many.
 */
export function patchesOf({ transactions }: Trace, most: number = Infinity): Patches {
  const list = transactions.flatMap(({ patches }) => patches).slice(0, most)
  return {
    length: list.length,
    index: Uint32Array.from(list, ([index]) => index),
    removed: Uint32Array.from(list, ([, removed]) => removed),
    inserted: list.map(([, , inserted]) => inserted),
  }
}

/** Typing in stretches, with backspaces and jumps, as people do: two thirds inserts, the cursor mostly stays. */
function madeByOne(seed: number): Trace {
  const random = randomOf(seed)
  const patches: Patch[] = []
  let text = ''
  let cursor = 0
  while (patches.length < MADE_EDITS / seed) {
    if (random() < 0.02) cursor = Math.floor(random() * (text.length + 1))
    if (random() < 0.3 && cursor > 0) {
      cursor--
      patches.push([cursor, 1, ''])
      text = text.slice(0, cursor) + text.slice(cursor + 1)
    } else {
      const letter = String.fromCharCode(97 + Math.floor(random() * 26))
      patches.push([cursor, 0, letter])
      text = text.slice(0, cursor) + letter + text.slice(cursor)
      cursor++
    }
  }
  const transactions = patches.map((patch, index) => ({
    parents: index === 0 ? [] : [index - 1],
    agent: 0,
    patches: [patch],
  }))
  return { name: `made with seed ${seed}`, transactions, end: text }
}

/**
 * Two writers, each in a half of its own, who meet every 20 edits: as the halves never touch, every algorithm must come
 * to one text.
 */
function madeByTwo(): Trace {
  const random = randomOf(3)
  const transactions: Transaction[] = [{ parents: [], agent: 0, patches: [[0, 0, '|']] }]
  let left = ''
  let right = ''
  const push = (agent: number, parents: readonly number[], patch: Patch): number =>
    transactions.push({ parents, agent, patches: [patch] }) - 1
  let met: readonly number[] = [0]
  while (transactions.length < MADE_EDITS / 3) {
    const seenLeft = left.length + 1
    let mine = met
    for (let i = 0; i < 20; i++) {
      const at = Math.floor(random() * (left.length + 1))
      mine = [push(0, mine, [at, 0, 'a'])]
      left += 'a'
    }
    let theirs = met
    for (let i = 0; i < 20; i++) {
      const at = Math.floor(random() * (right.length + 1))
      theirs = [push(1, theirs, [seenLeft + at, 0, 'b'])]
      right += 'b'
    }
    met = [...mine, ...theirs]
  }
  return { name: 'made with seed 3', transactions, end: `${left}|${right}` }
}

/** Numbers from 0 to 1, always the same for a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let hash = Math.imul(state ^ (state >>> 15), state | 1)
    hash ^= hash + Math.imul(hash ^ (hash >>> 7), hash | 61)
    return ((hash ^ (hash >>> 14)) >>> 0) / 4294967296
  }
}
