import type { Random } from '@quorate/core'
import type { PartitionMode } from '../faults.ts'
import { integerIn, pickOne, shuffled } from './chance.ts'
import type { FaultAction, Way } from './schedule.ts'
import { CLIENT, groupOf, isClient, linkKey, type Topology } from './topology.ts'

// Kinds of partitions, after Jepsen's (jepsen.nemesis and jepsen.nemesis.combined).

export interface PartitionPlan {
  readonly topology: Topology
  readonly role: string | undefined
  readonly cutClients: boolean
  readonly mode: PartitionMode
  /** What the smaller sides send, or what is sent to them. */
  readonly direction: 'both' | 'out' | 'in'
}

type Partition = FaultAction | undefined

/** One node without a link to the others. */
export function isolatedOne(plan: PartitionPlan, random: Random): Partition {
  const { topology, role } = plan
  const candidates = membersOf(plan).filter((name) => others(name, plan).length > 0)
  if (candidates.length === 0) return undefined
  const alone = pickOne(candidates, random)
  // A client stands on its own side of everything, other clients included.
  const rest = role === CLIENT ? topology.nodes.map(({ name }) => name) : others(alone, plan)
  return sides(plan, [[alone], rest.filter((name) => name !== alone)])
}

/** A random minority of one group without a link to the rest of it. */
export function majoritySplit(plan: PartitionPlan, random: Random): Partition {
  const members = groupWithLinks(plan, 2, random)
  if (members === undefined) return undefined
  const order = shuffled(members, random)
  // Of two, one is no majority, but somebody must be alone.
  const most = Math.max(1, Math.ceil(order.length / 2) - 1)
  const minority = order.slice(0, integerIn([1, most], random))
  return sides(plan, [minority, order.slice(minority.length)])
}

/** Every primary without a link to the rest. */
export function isolatedPrimaries(plan: PartitionPlan): Partition {
  const { nodes } = plan.topology
  const primaries = nodes.filter(({ role }) => role === 'primary').map(({ name }) => name)
  const rest = nodes.filter((node) => node.role !== 'primary' && !isClient(node)).map(({ name }) => name)
  if (primaries.length === 0) return undefined
  return sides(plan, [...primaries.map((name) => [name]), rest])
}

/**
 * Everybody on a circle in random order, hearing the nodes next to it that make a majority with itself.
 * For an even majority the circle is turned by half a node, so some ways are cut in one direction only.
 */
export function ring(plan: PartitionPlan, random: Random): Partition {
  const members = groupWithLinks(plan, 3, random)
  if (members === undefined) return undefined
  const order = shuffled(members, random)
  const { length } = order
  const majority = Math.floor(length / 2) + 1
  const before = Math.floor(majority / 2)
  const linked = new Set(plan.topology.links.flatMap((link) => [linkKey(link), linkKey(turned(link))]))
  const ways: Way[] = []
  for (const [at, to] of order.entries()) {
    const heard = new Set(
      Array.from({ length: majority }, (_, step) => order[(at - before + step + length) % length] as string),
    )
    for (const from of order) {
      if (!heard.has(from) && linked.has(linkKey({ from, to }))) ways.push({ from, to })
    }
  }
  return ways.length === 0 ? undefined : { type: 'one-way', mode: plan.mode, ways }
}

const turned = ({ from, to }: Way): Way => ({ from: to, to: from })

/** Who may take part. */
function membersOf({ topology, role }: PartitionPlan): string[] {
  return topology.nodes
    .filter((node) => (role === undefined ? !isClient(node) : node.role === role))
    .map(({ name }) => name)
}

/** Who the node is cut from: those it has a link to, and who counts in a partition. */
function others(name: string, { topology, role, cutClients }: PartitionPlan): string[] {
  const clients = new Set(topology.nodes.filter(isClient).map((node) => node.name))
  const withClients = cutClients || role === CLIENT
  const linked = topology.links.flatMap(({ from, to }) => (from === name ? [to] : to === name ? [from] : []))
  return [...new Set(linked)].filter((other) => withClients || !clients.has(other))
}

/** One of the groups with at least so many members and a link among them. */
function groupWithLinks(plan: PartitionPlan, least: number, random: Random): string[] | undefined {
  const members = new Set(membersOf(plan))
  const groups = new Map<string, string[]>()
  for (const node of plan.topology.nodes) {
    if (!members.has(node.name)) continue
    const group = groups.get(groupOf(node)) ?? []
    groups.set(groupOf(node), [...group, node.name])
  }
  const usable = [...groups.values()].filter(
    (group) =>
      group.length >= least &&
      plan.topology.links.some(({ from, to }) => group.includes(from) && group.includes(to)),
  )
  return usable.length === 0 ? undefined : pickOne(usable, random)
}

/** With clients on the last side if they are to be cut. */
function sides(plan: PartitionPlan, parts: readonly (readonly string[])[]): Partition {
  const clients = plan.cutClients
    ? plan.topology.nodes.filter((node) => isClient(node) && !parts.flat().includes(node.name))
    : []
  const rest = [...(parts.at(-1) ?? []), ...clients.map(({ name }) => name)]
  const all = [...parts.slice(0, -1), rest].filter((side) => side.length > 0)
  if (all.length < 2) return undefined
  if (plan.direction === 'both') return { type: 'partition', mode: plan.mode, sides: all }
  const lone = all.slice(0, -1).flat()
  const apart = plan.topology.links.flatMap((link) =>
    [link, turned(link)].filter(({ from, to }) => lone.includes(from) && rest.includes(to)),
  )
  const ways = apart.map(({ from, to }) => (plan.direction === 'out' ? { from, to } : { from: to, to: from }))
  return ways.length === 0 ? undefined : { type: 'one-way', mode: plan.mode, ways }
}
