import type { CreationTimes } from './creation-times.ts'
import type { EdgeColumns } from './int-graph.ts'
import type { Meter } from './meter.ts'
import { BY_TIME, labelOf } from './session-scan.ts'
import type { View } from './view.ts'

/**
 * Adds "a version that had been created when another one of its key began is older" to a graph: per key a chain of helper
 * nodes, one per version in order of creation, in place of an edge per pair.
 * @returns The number of nodes now.
 */
export function addTimeEdges(
  view: View,
  { created, begun }: CreationTimes,
  edges: EdgeColumns,
  nodes: number,
  meter: Meter,
): number {
  const { eventStart, eventKey, isFinal, keys } = view.transactions
  // Writes by key, in order of their beginning.
  const keyStart = new Int32Array(keys.size + 1)
  const each = (visit: (event: number) => void): void => {
    for (let t = 0; t < view.chain.length; t++) {
      if (view.chain[t]! < 0) continue
      for (let event = eventStart[t]!; event < eventStart[t + 1]!; event++)
        if (isFinal[event] === 1) visit(event)
    }
  }
  each((event) => keyStart[eventKey[event]! + 1]!++)
  for (let key = 0; key < keys.size; key++) keyStart[key + 1]! += keyStart[key]!
  meter.reserve(keyStart[keys.size]! * 16 + keys.size * 8)
  const next = keyStart.slice(0, -1)
  const byKey = new Int32Array(keyStart[keys.size]!)
  each((event) => {
    byKey[next[eventKey[event]!]!++] = event
  })
  const label = labelOf(BY_TIME, -1)
  for (let key = 0; key < keys.size; key++) {
    const byBegin = byKey.subarray(keyStart[key], keyStart[key + 1])
    if (byBegin.length < 2) continue
    meter.step()
    const byCreation = byBegin.toSorted((a, b) =>
      created[a]! < created[b]! ? -1 : created[a]! > created[b]! ? 1 : 0,
    )
    const firstNode = nodes
    let passed = 0
    for (const event of byBegin) {
      while (passed < byCreation.length && created[byCreation[passed]!]! < begun[event]!) {
        edges.add(byCreation[passed]!, nodes, label)
        if (nodes > firstNode) edges.add(nodes - 1, nodes, label)
        nodes++
        passed++
      }
      if (passed > 0) edges.add(nodes - 1, event, label)
    }
  }
  return nodes
}
