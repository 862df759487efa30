import type { CreationTimes } from './creation-times.ts'
import type { EdgeColumns } from './int-graph.ts'
import type { Meter } from './meter.ts'

/**
 * Can every version be given one moment between `begun` and `created`, none earlier than those of the versions
 * that must be older? Then there is an order of versions, that of these moments, and it agrees with real time.
 * Takes each as early as it can be. `edges` are without cycles, or the answer is no.
 *
 * A no does not mean that there is no order: nothing but the versions of one key must agree with real time.
 */
export function fitsInTime(
  { count, from, to }: EdgeColumns,
  nodes: number,
  { begun, created }: CreationTimes,
  meter: Meter,
): boolean {
  if (count === 0) return true
  meter.reserve(nodes * 16 + count * 4)
  const moment = new Float64Array(nodes).fill(-Infinity) // of helper nodes; the others follow
  moment.set(begun)
  const missing = new Int32Array(nodes)
  const start = new Int32Array(nodes + 1)
  for (let edge = 0; edge < count; edge++) {
    missing[to[edge]!]!++
    start[from[edge]! + 1]!++
  }
  for (let node = 0; node < nodes; node++) start[node + 1]! += start[node]!
  const next = start.slice(0, -1)
  const out = new Int32Array(count)
  for (let edge = 0; edge < count; edge++) out[next[from[edge]!]!++] = to[edge]!
  const ready: number[] = []
  for (let node = 0; node < nodes; node++)
    if (missing[node] === 0 && start[node + 1]! > start[node]!) ready.push(node)
  let passed = 0
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    meter.step()
    for (let at = start[node]!; at < start[node + 1]!; at++) {
      const after = out[at]!
      passed++
      if (moment[node]! > moment[after]!) {
        if (after < created.length && moment[node]! > created[after]!) return false
        moment[after] = moment[node]!
      }
      if (--missing[after]! === 0) ready.push(after)
    }
  }
  return passed === count
}
