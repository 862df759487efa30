import type { Link } from '../link.ts'
import type { SkewedClock } from '../skewed-clock.ts'

/** The role of nodes that use the others: no partition isolates them unless it names them. */
export const CLIENT = 'client'

/** Something that can be broken: a server, a service, a client. What it lacks cannot be done to it. */
export interface TopologyNode {
  /** Its name in schedules and histories; the same for the whole run. */
  readonly name: string
  /** What it is: `primary`, `replica`, `client`, any word. `client` is special, see {@link PartitionFaultOptions}. */
  readonly role?: string | undefined
  /** Nodes of one group stand in for each other: {@link PlanOptions.keep} holds in each. Default: all are one group. */
  readonly group?: string | undefined
  /** Ends it without warning; resolves when it is gone. Needs `restart`. */
  readonly kill?: (() => Promise<void>) | undefined
  /** Brings it back; does nothing if it runs. */
  readonly restart?: (() => Promise<void>) | undefined
  /** Freezes it. Needs `resume`. */
  readonly pause?: (() => Promise<void>) | undefined
  /** Lets it run on; does nothing if it runs. */
  readonly resume?: (() => Promise<void>) | undefined
  /** The clock that was handed to it. */
  readonly clock?: Pick<SkewedClock, 'jump' | 'drift' | 'driftPpm' | 'offByMs'> | undefined
}

/** A wire between two nodes. */
export interface TopologyLink {
  /** Name of the node that connects: the `from` side of the link. */
  readonly from: string
  /** Name of the node that is connected to. */
  readonly to: string
  /** From {@link Chaos.link}. */
  readonly link: Pick<Link, 'layer'>
}

/**
 * What a nemesis acts on. It is read anew for each fault, so getters can follow a change of roles: a name
 * such as `db.primary` then means whoever is primary by then. A fault ends on the very object it began on.
 */
export interface Topology {
  readonly nodes: readonly TopologyNode[]
  readonly links: readonly TopologyLink[]
}

/**
 * Several topologies as one, for example servers and the clients in front of them.
 *
 * @example
 * ```ts
 * const topology = mergeTopologies(clusterTopology(cluster), { nodes: clients, links: clientLinks })
 * ```
 */
export function mergeTopologies(...parts: readonly Topology[]): Topology {
  return {
    get nodes() {
      return parts.flatMap(({ nodes }) => nodes)
    },
    get links() {
      return parts.flatMap(({ links }) => links)
    },
  }
}

export const groupOf = ({ group }: TopologyNode): string => group ?? ''

export const isClient = ({ role }: TopologyNode): boolean => role === CLIENT

export const linkKey = ({ from, to }: { readonly from: string; readonly to: string }): string =>
  `${from}>${to}`
