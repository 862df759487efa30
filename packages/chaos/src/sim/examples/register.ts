// Is a history of one register linearizable? For histories in which every write writes another value, decided
// from the intervals alone (Gibbons and Korach, "Testing Shared Memories", SIAM J. Comput. 26(4), 1997, section 4).
import type { HistoryEntry } from '../history.ts'

/** What a client asks of a register. */
export type RegisterCall = { readonly do: 'read' } | { readonly do: 'write'; readonly value: number }

interface Cluster {
  /** Earliest end and latest start of the write of a value and all reads of it. */
  end: number
  start: number
  writeStart: number
}

/** What is wrong, `undefined` if nothing. The register holds `null` at first. */
export function checkRegister(
  history: ReadonlyArray<HistoryEntry<RegisterCall, number | null | undefined>>,
): string | undefined {
  const clusters = new Map<number | null, Cluster>([[null, { end: -1, start: -1, writeStart: -1 }]])
  for (const { call, start, end, status } of history) {
    if (call.do === 'write' && status !== 'fail') clusters.set(call.value, { end, start, writeStart: start })
  }
  for (const { call, start, end, status, output, on } of history) {
    if (call.do !== 'read' || status !== 'ok') continue
    const cluster = clusters.get(output ?? null)
    if (cluster === undefined || end < cluster.writeStart)
      return `${on} read ${output}, which nobody had written`
    cluster.end = Math.min(cluster.end, end)
    cluster.start = Math.max(cluster.start, start)
  }
  // If some operation of a value ended before another one of it began, the value was surely there in between. In
  // that time no other value can have been there, neither surely nor because all its operations fall into it.
  for (const [value, one] of clusters) {
    if (one.end >= one.start) continue
    for (const [other, two] of clusters) {
      if (other !== value && one.end < two.start && two.end < one.start)
        return `the register held ${value} from ${one.end} to ${one.start}, and ${other} in the midst of it`
    }
  }
  return undefined
}
