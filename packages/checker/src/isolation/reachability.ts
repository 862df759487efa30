import { type Components, components, type Graph } from './graph.ts'

/** How many questions one sweep answers: one bit each. */
const WIDTH = 32
/** After so many times yes the rest is left open: a history so broken needs no more examples. */
const ENOUGH = 500

export const NO = 0
export const YES = 1
/** Not asked, because {@link ENOUGH} others were `YES`. */
export const OPEN = 2

/**
 * Answers many "is there a path from a to b" at once. The graph is condensed to its components, which are sorted by
 * the longest path that leads to them; a sweep along that order carries a word of bits, one for each question.
 * Questions are sorted by where they start, so that a sweep covers only the stretch between its ends: where
 * dependencies are local in time, as they are in histories, all sweeps together are about linear.
 *
 * `undefined` if the budget ended.
 */
export function reachable(
  graph: Graph,
  mask: number,
  sources: Int32Array,
  targets: Int32Array,
  withinBudget: () => boolean,
  parts: Components = components(graph, mask),
): Uint8Array | undefined {
  const { head, to, kind } = graph
  const { place, members, start } = layers(graph, mask, parts)
  const answers = new Uint8Array(sources.length)
  const questions = Int32Array.from(sources, (_, question) => question)
    // Paths lead to later places: what starts after its target never arrives.
    .filter((question) => place[sources[question]!]! <= place[targets[question]!]!)
    .toSorted((a, b) => place[sources[a]!]! - place[sources[b]!]!)
  const bits = new Int32Array(parts.count)
  let yes = 0
  for (let base = 0; base < questions.length; base += WIDTH) {
    if (!withinBudget()) return undefined
    if (yes >= ENOUGH) {
      for (const question of questions.subarray(base)) answers[question] = OPEN
      break
    }
    const batch = questions.subarray(base, base + WIDTH)
    let end = 0
    batch.forEach((question, bit) => {
      end = Math.max(end, place[targets[question]!]!)
      bits[place[sources[question]!]!]! |= 1 << bit
    })
    const begin = place[sources[batch[0]!]!]!
    for (let at = begin; at <= end; at++) {
      const carried = bits[at]!
      if (carried === 0) continue
      for (let member = start[at]!; member < start[at + 1]!; member++) {
        const node = members[member]!
        for (let edge = head[node]!; edge < head[node + 1]!; edge++) {
          if ((kind[edge]! & mask) === 0) continue
          const over = place[to[edge]!]!
          if (over <= end) bits[over]! |= carried
        }
      }
    }
    batch.forEach((question, bit) => {
      const answer = (bits[place[targets[question]!]!]! >>> bit) & YES
      answers[question] = answer
      yes += answer
    })
    bits.fill(0, begin, end + 1)
  }
  return answers
}

interface Layers {
  /** Place of each node's component; edges lead to later places. */
  readonly place: Int32Array
  /** Nodes of the component at place `p`: from `start[p]` to `start[p + 1]`. */
  readonly members: Int32Array
  readonly start: Int32Array
}

function layers(graph: Graph, mask: number, { of, count }: Components): Layers {
  const { nodes, head, to, kind } = graph
  const byPart = group(of, count)
  const depth = new Int32Array(count)
  let deepest = 0
  // Components are numbered so that edges lead to lower numbers.
  for (let part = count - 1; part >= 0; part--) {
    const below = depth[part]! + 1
    for (let at = byPart.start[part]!; at < byPart.start[part + 1]!; at++) {
      const node = byPart.members[at]!
      for (let edge = head[node]!; edge < head[node + 1]!; edge++) {
        if ((kind[edge]! & mask) === 0) continue
        const over = of[to[edge]!]!
        if (over !== part && depth[over]! < below) depth[over] = below
      }
    }
    deepest = Math.max(deepest, depth[part]!)
  }
  const byDepth = group(depth, deepest + 1).members
  const placeOf = new Int32Array(count)
  byDepth.forEach((part, at) => (placeOf[part] = at))
  const place = Int32Array.from({ length: nodes }, (_, node) => placeOf[of[node]!]!)
  return { place, ...group(place, count) }
}

/** Indices by their value in `of`. */
function group(of: Int32Array, count: number): { readonly members: Int32Array; readonly start: Int32Array } {
  const start = new Int32Array(count + 1)
  for (const value of of) start[value + 1]!++
  for (let value = 0; value < count; value++) start[value + 1]! += start[value]!
  const members = new Int32Array(of.length)
  const next = start.slice(0, count)
  of.forEach((value, at) => (members[next[value]!++] = at))
  return { members, start }
}
