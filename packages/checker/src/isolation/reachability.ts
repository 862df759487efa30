import { type Components, components, type Graph } from './graph.ts'

/** How many questions one sweep answers: one bit each. */
const WIDTH = 32

/**
 * Answers many "is there a path from a to b" at once. The graph is condensed to its components, which Tarjan's
 * algorithm leaves in topological order; a sweep along that order carries a word of bits, one for each question.
 * Questions are sorted by where they start, so that a sweep covers only the stretch between its ends: where
 * dependencies are local in time, as they are in histories, all sweeps together are about linear.
 */
export function reachable(
  graph: Graph,
  mask: number,
  sources: Int32Array,
  targets: Int32Array,
  withinBudget: () => boolean,
  parts: Components = components(graph, mask),
): Uint8Array | undefined {
  const { of, count } = parts
  const answers = new Uint8Array(sources.length)
  const { head, to, kind } = graph
  const start = new Int32Array(count + 1)
  for (let node = 0; node < graph.nodes; node++) start[of[node]! + 1]!++
  for (let part = 0; part < count; part++) start[part + 1]! += start[part]!
  const members = new Int32Array(graph.nodes)
  const next = start.slice(0, count)
  for (let node = 0; node < graph.nodes; node++) members[next[of[node]!]!++] = node

  const part = (node: number | undefined): number => of[node as number]!
  const questions = Int32Array.from(sources, (_, question) => question)
    // Paths lead to lower numbers: what starts below its target never arrives.
    .filter((question) => part(sources[question]) >= part(targets[question]))
    .toSorted((a, b) => part(sources[b]) - part(sources[a]))
  const bits = new Int32Array(count)
  for (let base = 0; base < questions.length; base += WIDTH) {
    if (!withinBudget()) return undefined
    const batch = questions.subarray(base, base + WIDTH)
    let lowest = count
    batch.forEach((question, bit) => {
      lowest = Math.min(lowest, part(targets[question]))
      ;(bits[part(sources[question])] as number) |= 1 << bit
    })
    const highest = part(sources[batch[0]!])
    for (let from = highest; from >= lowest; from--) {
      const carried = bits[from]!
      if (carried === 0) continue
      for (let at = start[from]!; at < start[from + 1]!; at++) {
        const node = members[at]!
        for (let edge = head[node]!; edge < head[node + 1]!; edge++) {
          if ((kind[edge]! & mask) === 0) continue
          const over = of[to[edge]!] as number
          if (over >= lowest) bits[over]! |= carried
        }
      }
    }
    batch.forEach((question, bit) => {
      answers[question] = ((bits[part(targets[question])] as number) >>> bit) & 1
    })
    bits.fill(0, lowest, highest + 1)
  }
  return answers
}
