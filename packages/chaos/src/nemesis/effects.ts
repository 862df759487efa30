import type { Clock } from '@quorate/core'
import type { Directions, PartitionMode } from '../faults.ts'
import type { FaultAction, Way } from './schedule.ts'
import type { Topology, TopologyLink, TopologyNode } from './topology.ts'

/** One thing that a fault does, and how it is undone. Undoing twice, or what was not done, does no harm. */
export interface Effect {
  readonly target: string
  readonly do: () => Promise<void>
  readonly undo: () => Promise<void>
}

/**
 * What an action means for the nodes and links that have these names now.
 *
 * @param layer name of the layer on links; no other fault may have it.
 * @throws TypeError if there is nobody of that name, or it lacks what is needed.
 */
export function effectsOf(action: FaultAction, topology: Topology, layer: string, clock: Clock): Effect[] {
  const nodes = (): TopologyNode[] =>
    ('nodes' in action ? action.nodes : []).map((name) => find(name, topology))
  switch (action.type) {
    case 'kill':
      return nodes().map((node) => both(node, action.type, node.kill, node.restart))
    case 'pause':
      return nodes().map((node) => both(node, action.type, node.pause, node.resume))
    case 'clock-skew':
      return nodes().map((node) => skew(node, action.ms))
    case 'clock-drift':
      return nodes().map((node) => drift(node, action.ppm, clock))
    case 'slow-links': {
      const { ms, jitterMs } = action
      return action.links
        .flatMap((way) => findLinks(way, topology))
        .map(({ link, from, to }) => ({
          target: `${from}→${to}`,
          do: () => link.layer(layer, { latency: { ms, jitterMs } }),
          undo: () => link.layer(layer, undefined),
        }))
    }
    case 'partition': {
      for (const name of action.sides.flat()) find(name, topology)
      const sideOf = new Map(action.sides.flatMap((side, at) => side.map((name) => [name, at] as const)))
      const apart = ({ from, to }: Way): boolean => {
        const [one, other] = [sideOf.get(from), sideOf.get(to)]
        return one !== undefined && other !== undefined && one !== other
      }
      return cuts(topology, action.mode, layer, apart)
    }
    case 'one-way': {
      for (const name of action.ways.flatMap(({ from, to }) => [from, to])) find(name, topology)
      const isCut = (way: Way): boolean =>
        action.ways.some(({ from, to }) => from === way.from && to === way.to)
      return cuts(topology, action.mode, layer, isCut)
    }
    default:
      return action satisfies never
  }
}

function cuts(
  { links }: Topology,
  mode: PartitionMode,
  layer: string,
  isCut: (way: Way) => boolean,
): Effect[] {
  return links.flatMap(({ from, to, link }) => {
    const [there, back] = [isCut({ from, to }), isCut({ from: to, to: from })]
    if (!there && !back) return []
    const direction: Directions = there && back ? 'both' : there ? 'to' : 'from'
    return {
      target: `${from}→${to}`,
      do: () => link.layer(layer, { partition: { mode, direction } }),
      undo: () => link.layer(layer, undefined),
    }
  })
}

function both(
  node: TopologyNode,
  what: string,
  act: (() => Promise<void>) | undefined,
  undo: (() => Promise<void>) | undefined,
): Effect {
  if (act === undefined || undo === undefined) throw lacks(node, what)
  return { target: node.name, do: () => act.call(node), undo: () => undo.call(node) }
}

function skew(node: TopologyNode, ms: number): Effect {
  const { clock } = node
  if (clock === undefined) throw lacks(node, 'clock')
  let isOff = false
  return {
    target: node.name,
    do: async () => {
      clock.jump(ms)
      isOff = true
    },
    undo: async () => {
      if (isOff) clock.jump(-ms)
      isOff = false
    },
  }
}

/** When it ends, the clock also makes up for what it drifted, as NTP would step it. */
function drift(node: TopologyNode, ppm: number, time: Clock): Effect {
  const { clock } = node
  if (clock === undefined) throw lacks(node, 'clock')
  let before: { readonly driftPpm: number; readonly sinceMs: number } | undefined
  return {
    target: node.name,
    do: async () => {
      before = { driftPpm: clock.driftPpm, sinceMs: time.monotonic() }
      clock.drift(before.driftPpm + ppm)
    },
    undo: async () => {
      if (before === undefined) return
      clock.drift(before.driftPpm)
      clock.jump((-ppm * (time.monotonic() - before.sinceMs)) / 1_000_000)
      before = undefined
    },
  }
}

function find(name: string, { nodes }: Topology): TopologyNode {
  const node = nodes.find((one) => one.name === name)
  if (node !== undefined) return node
  const known = nodes.map((one) => one.name).join(', ')
  throw new TypeError(`Cannot cause fault: there is no node ${name}; the topology has ${known}`)
}

/** A pool of connections may have several. */
function findLinks({ from, to }: Way, { links }: Topology): TopologyLink[] {
  const found = links.filter((link) => link.from === from && link.to === to)
  if (found.length > 0) return found
  throw new TypeError(`Cannot cause fault: there is no link from ${from} to ${to} in the topology`)
}

const lacks = ({ name }: TopologyNode, what: string): TypeError =>
  new TypeError(`Cannot cause fault: ${name} has nothing to ${what} it with; give the node what it needs`)
