import type { Random } from '@quorate/core'
import { validateFaults, type PartitionMode } from '../faults.ts'
import { integerIn, pickOne, shuffled, validateRange, type Range } from './chance.ts'
import { isolatedOne, isolatedPrimaries, majoritySplit, ring } from './partitions.ts'
import type { FaultAction } from './schedule.ts'
import { isClient, type Topology, type TopologyLink, type TopologyNode } from './topology.ts'

/**
 * A kind of fault that a nemesis may cause: {@link partition}, {@link kill}, {@link pause},
 * {@link clockSkew}, {@link clockDrift}, {@link slowLinks}.
 */
export interface NemesisFault {
  readonly name: string
  /**
   * One fault of this kind, chosen by chance; `undefined` if the topology has nobody for it.
   *
   * @internal
   */
  readonly choose: (topology: Topology, random: Random) => FaultAction | undefined
}

/**
 * Who is hit: `one` of all, a random `minority` or `majority`, `all`; or one of those that have this role or
 * name. Clients are hit only by their role or name.
 */
export type Who = 'one' | 'minority' | 'majority' | 'all' | (string & {})

/**
 * Which parts a network falls into:
 * - `one`: one node is alone.
 * - `majority`: a random minority is cut from the rest.
 * - `ring`: every node sees a majority, and no two the same one. With three nodes each hears one neighbour.
 * - `primaries`: each node in the role `primary` is alone.
 */
export type PartitionKind = 'one' | 'majority' | 'ring' | 'primaries'

/** Options of {@link partition}. */
export interface PartitionFaultOptions {
  /** One of these by chance. Default `drop`. */
  readonly mode?: PartitionMode | readonly PartitionMode[] | undefined
  /**
   * `out`: only what the lone nodes, or the minority, send is lost; `in`: only what is sent to them. Without
   * meaning for a `ring`. Default `both`.
   */
  readonly direction?: 'both' | 'out' | 'in' | undefined
  /** Only nodes in this role take part; for `one`, only they can be alone. Default: all but clients. */
  readonly role?: string | undefined
  /**
   * `keep`: clients reach both sides, as if some stood on each. `cut`: all clients stand on the larger
   * side. Default `keep`. With `role: 'client'`, a client is cut from everything.
   */
  readonly clients?: 'keep' | 'cut' | undefined
}

/** Cuts links between nodes. */
export function partition(kind: PartitionKind, options: PartitionFaultOptions = {}): NemesisFault {
  const make = { one: isolatedOne, majority: majoritySplit, ring, primaries: isolatedPrimaries }[kind]
  if (make === undefined) {
    throw new TypeError(`Cannot plan partition: kind must be one, majority, ring or primaries, got ${kind}`)
  }
  const { mode = 'drop', direction = 'both', role, clients = 'keep' } = options
  const modes = typeof mode === 'string' ? [mode] : mode
  for (const one of modes) validateFaults({ partition: { mode: one } })
  if (!['both', 'out', 'in'].includes(direction)) {
    throw new TypeError(`Cannot plan partition: direction must be one of both, out, in, got ${direction}`)
  }
  if (modes.length === 0) throw new TypeError('Cannot plan partition: mode must name at least one, got none')
  return {
    name: `partition ${kind}`,
    choose: (topology, random) => {
      const chosen = pickOne(modes, random)
      return make({ topology, role, cutClients: clients === 'cut', mode: chosen, direction }, random)
    },
  }
}

/** Ends nodes without warning, and restarts them when the fault ends. */
export function kill(who: Who): NemesisFault {
  return {
    name: `kill ${who}`,
    choose: (topology, random) => {
      const can = ({ kill: act, restart }: TopologyNode): boolean =>
        act !== undefined && restart !== undefined
      const nodes = hit(who, topology, can, random)
      return nodes.length === 0 ? undefined : { type: 'kill', nodes }
    },
  }
}

/** Freezes nodes, and lets them run on when the fault ends. */
export function pause(who: Who): NemesisFault {
  return {
    name: `pause ${who}`,
    choose: (topology, random) => {
      const can = ({ pause: act, resume }: TopologyNode): boolean => act !== undefined && resume !== undefined
      const nodes = hit(who, topology, can, random)
      return nodes.length === 0 ? undefined : { type: 'pause', nodes }
    },
  }
}

/** Sets clocks off by a random time, and right again when the fault ends. */
export function clockSkew(who: Who, { ms }: { readonly ms: Range }): NemesisFault {
  validateRange('clock skew ms', ms)
  return {
    name: `clock-skew ${who}`,
    choose: (topology, random) => {
      const nodes = hit(who, topology, ({ clock }) => clock !== undefined, random)
      return nodes.length === 0 ? undefined : { type: 'clock-skew', ms: integerIn(ms, random), nodes }
    },
  }
}

/** Lets clocks run too fast or too slow, millionths; when the fault ends they run and stand as they should. */
export function clockDrift(who: Who, { ppm }: { readonly ppm: Range }): NemesisFault {
  validateRange('clock drift ppm', ppm, -999_999)
  return {
    name: `clock-drift ${who}`,
    choose: (topology, random) => {
      const nodes = hit(who, topology, ({ clock }) => clock !== undefined, random)
      return nodes.length === 0 ? undefined : { type: 'clock-drift', ppm: integerIn(ppm, random), nodes }
    },
  }
}

/** Options of {@link slowLinks}. */
export interface SlowLinksOptions {
  /** Delay each way on top of what the link has, ms. */
  readonly ms: Range
  /** Default 0. */
  readonly jitterMs?: Range | undefined
}

/**
 * Slows links: `one` of them, `all`, or those of nodes with this role or name. A slow disk of a server
 * looks the same to its clients.
 */
export function slowLinks(
  who: 'one' | 'all' | (string & {}),
  { ms, jitterMs = [0, 0] }: SlowLinksOptions,
): NemesisFault {
  validateRange('slow links ms', ms, 0)
  validateRange('slow links jitterMs', jitterMs, 0)
  return {
    name: `slow-links ${who}`,
    choose: (topology, random) => {
      const all = linksOf(who, topology)
      const chosen = who === 'one' && all.length > 0 ? [pickOne(all, random)] : all
      if (chosen.length === 0) return undefined
      const links = chosen.map(({ from, to }) => ({ from, to }))
      return { type: 'slow-links', ms: integerIn(ms, random), jitterMs: integerIn(jitterMs, random), links }
    },
  }
}

function linksOf(who: string, { nodes, links }: Topology): readonly TopologyLink[] {
  if (who === 'one' || who === 'all') return links
  const named = new Set(nodes.filter((node) => isMeant(who, node)).map(({ name }) => name))
  return links.filter(({ from, to }) => named.has(from) || named.has(to))
}

function hit(
  who: Who,
  { nodes }: Topology,
  can: (node: TopologyNode) => boolean,
  random: Random,
): readonly string[] {
  const able = nodes.filter(can)
  const members = able.filter((node) => !isClient(node))
  const most = Math.floor(members.length / 2) + 1
  const some = (count: number): readonly string[] =>
    shuffled(members, random)
      .slice(0, count)
      .map(({ name }) => name)
  if (who === 'one') return some(1)
  if (who === 'all') return some(members.length)
  if (who === 'majority') return some(members.length === 0 ? 0 : most)
  if (who === 'minority') {
    const few = members.length - most
    return some(few < 1 ? 0 : integerIn([1, few], random))
  }
  const named = able.filter((node) => isMeant(who, node))
  return named.length === 0 ? [] : [pickOne(named, random).name]
}

const isMeant = (who: string, { name, role }: TopologyNode): boolean => role === who || name === who
