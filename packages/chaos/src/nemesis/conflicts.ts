import type { FaultAction, ScheduledFault } from './schedule.ts'
import { groupOf, isClient, linkKey, type Topology } from './topology.ts'

/** What must stay whole in each group, at any moment. */
export type Keep = 'majority' | 'one' | 'none'

/** May faults overlap in time? */
export type Overlap = 'none' | 'compatible' | 'any'

/** What a fault takes hold of: two that share something contradict each other. */
function holds(action: FaultAction, { links }: Topology): ReadonlySet<string> {
  switch (action.type) {
    case 'kill':
    case 'pause':
    case 'clock-skew':
    case 'clock-drift':
      return new Set(action.nodes.map((name) => `node ${name}`))
    case 'slow-links':
      return new Set(action.links.map((link) => `link ${linkKey(link)}`))
    case 'partition': {
      const sideOf = new Map(action.sides.flatMap((side, at) => side.map((name) => [name, at] as const)))
      const cut = links.filter(({ from, to }) => {
        const [one, other] = [sideOf.get(from), sideOf.get(to)]
        return one !== undefined && other !== undefined && one !== other
      })
      return new Set(['network', ...cut.map((link) => `link ${linkKey(link)}`)])
    }
    case 'one-way': {
      const cut = links.filter(({ from, to }) =>
        action.ways.some((way) => [way.from, way.to].includes(from) && [way.from, way.to].includes(to)),
      )
      return new Set(['network', ...cut.map((link) => `link ${linkKey(link)}`)])
    }
    default:
      return action satisfies never
  }
}

/** Who cannot do its part while the fault lasts. */
function lost(action: FaultAction, { nodes }: Topology): readonly string[] {
  if (action.type === 'kill' || action.type === 'pause') return action.nodes
  const servers = new Set(nodes.filter((node) => !isClient(node)).map(({ name }) => name))
  const size = (side: readonly string[]): number => side.filter((name) => servers.has(name)).length
  const sides = sidesOf(action)
  const largest = sides.reduce((best, side) => (size(side) > size(best) ? side : best), [])
  return sides.filter((side) => side !== largest).flat()
}

/** Cut one way, those who are not heard stand against those who hear nothing of them. */
function sidesOf(action: FaultAction): readonly (readonly string[])[] {
  if (action.type === 'partition') return action.sides
  if (action.type !== 'one-way') return []
  const senders = [...new Set(action.ways.map(({ from }) => from))]
  const receivers = [...new Set(action.ways.map(({ to }) => to))]
  const isRing = senders.some((name) => receivers.includes(name)) // in a ring everybody hears a majority
  return isRing ? [] : [senders, receivers]
}

/** Can the fault be added to those that hold at some moment of its time? */
export function fits(
  fault: ScheduledFault,
  holding: readonly ScheduledFault[],
  { topology, keep, overlap }: { topology: Topology; keep: Keep; overlap: Overlap },
): boolean {
  if (overlap === 'none' && holding.length > 0) return false
  if (overlap === 'compatible') {
    const mine = holds(fault.action, topology)
    const taken = new Set(holding.flatMap(({ action }) => [...holds(action, topology)]))
    if ([...mine].some((one) => taken.has(one))) return false
  }
  return keep === 'none' || isKept(keep, [fault, ...holding], topology)
}

function isKept(keep: 'majority' | 'one', faults: readonly ScheduledFault[], topology: Topology): boolean {
  const gone = new Set(faults.flatMap(({ action }) => lost(action, topology)))
  const groups = new Map<string, { all: number; whole: number }>()
  for (const node of topology.nodes) {
    if (isClient(node)) continue
    const count = groups.get(groupOf(node)) ?? { all: 0, whole: 0 }
    groups.set(groupOf(node), {
      all: count.all + 1,
      whole: count.whole + (gone.has(node.name) ? 0 : 1),
    })
  }
  return [...groups.values()].every(({ all, whole }) => (keep === 'one' ? whole > 0 : whole * 2 > all))
}
