import type { Meter } from './meter.ts'
import type { View } from './view.ts'

/**
 * Between which moments each version came into being: after its write began, and before its write was
 * acknowledged or anybody had read it, whichever was first. Of a write that nobody heard back from, that is all
 * one knows.
 */
export interface CreationTimes {
  /** By event (a write): its transaction began. */
  readonly begun: Float64Array
  /** By event: by then it existed. */
  readonly created: Float64Array
  /** By event: the read that proves `created`; -1 if it is the acknowledgement. */
  readonly proof: Int32Array
  /** `false` if something was read before it was written: then the times prove less than they seem to. */
  readonly consistent: boolean
  /** By transaction. */
  readonly ended: Float64Array
}

export function creationTimes({ transactions, from }: View, meter: Meter): CreationTimes {
  const { history, size, eventTransaction, isFinal, source } = transactions
  const events = from.length
  meter.reserve(events * 20 + size * 16)
  const started = new Float64Array(size)
  const ended = new Float64Array(size)
  for (let t = 0; t < size; t++) {
    const { start, end } = history.operations[t]!
    started[t] = start
    ended[t] = end
  }
  const begun = new Float64Array(events)
  const created = new Float64Array(events)
  const proof = new Int32Array(events).fill(-1)
  for (let event = 0; event < events; event++) {
    if (isFinal[event] === 0) continue
    begun[event] = started[eventTransaction[event]!]!
    created[event] = ended[eventTransaction[event]!]!
  }
  let consistent = true
  for (let event = 0; event < events; event++) {
    if (from[event]! < 0) continue
    const write = source[event]!
    const seen = ended[eventTransaction[event]!]!
    if (seen < begun[write]!) consistent = false
    else if (seen < created[write]!) {
      created[write] = seen
      proof[write] = event
    }
  }
  return { begun, created, proof, consistent, ended }
}
