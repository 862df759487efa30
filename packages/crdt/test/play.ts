// Random lives of a few replicas, out of one seed: what the laws are tested on.
import type { Delta } from '../src/index.ts'
import { stream } from './random.ts'
import { type AnyCrdt, type Noted, pick, type Subject } from './subjects.ts'

export interface Life {
  readonly replicas: readonly AnyCrdt[]
  /** The deltas of all edits, in the order in which they were made. */
  readonly deltas: readonly Delta[]
  readonly notes: readonly Noted[]
}

/** The wall clock of a play: it stands still, so that stamps of all replicas collide. */
const now = (): number => 1_700_000_000_000

export const place = (replica: string): { replica: string; now: () => number } => ({ replica, now })

/** Edits by chance; now and then one replica hears of another by a delta, an old delta, or a whole state. */
export function play(
  subject: Subject,
  seed: number,
  steps = 30,
  names: readonly string[] = ['a', 'b', 'c'],
): Life {
  const random = stream(seed)
  const replicas = names.map((replica) => subject.make(place(replica)))
  const deltas: Delta[] = []
  const notes: Noted[] = []
  for (let step = 0; step < steps; step++) {
    const [one, other] = [pick(replicas, random), pick(replicas, random)]
    if (one === undefined || other === undefined) continue
    const what = random()
    if (what < 0.6) {
      const edited = subject.edit(one, random, `e${step}`)
      if (edited === undefined) continue
      deltas.push(edited.delta)
      notes.push({ ...edited.note, acknowledged: true })
    } else if (one === other) continue
    else if (what < 0.75) one.merge(other.deltaSince(one.version))
    else if (what < 0.9) one.merge((pick(deltas, random) ?? other).encode())
    else one.merge(other)
  }
  return { replicas, deltas, notes }
}

export const hex = (crdt: { encode(): Uint8Array }): string => Buffer.from(crdt.encode()).toString('hex')

/** All of them merged, into a copy that is none of the writers. */
export function merged(...all: readonly AnyCrdt[]): AnyCrdt {
  const [first, ...others] = all
  if (first === undefined) throw new Error('there is nothing to merge')
  const result = first.clone({ replica: 'merger' })
  for (const other of others) result.merge(other)
  return result
}
