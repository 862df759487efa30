// A topology of nodes that only note what is done to them.
import type { LinkLayer } from '../src/faults.ts'
import type { TopologyLink, TopologyNode } from '../src/nemesis/topology.ts'

export interface FakeWorld {
  readonly nodes: readonly TopologyNode[]
  readonly links: readonly TopologyLink[]
  /** What was done, in order: `kill db-1`. */
  readonly log: string[]
  /** What is broken now. */
  readonly broken: Set<string>
}

/** A group of `count` nodes, the first of them primary, everybody linked with everybody; and two clients. */
export function fakeWorld(count = 3): FakeWorld {
  const log: string[] = []
  const broken = new Set<string>()
  const act = (what: string, name: string, breaks: boolean) => async (): Promise<void> => {
    log.push(`${what} ${name}`)
    if (breaks) broken.add(name)
    else broken.delete(name)
  }
  const servers = Array.from({ length: count }, (_, at): TopologyNode => {
    const name = `db-${at + 1}`
    return {
      name,
      role: at === 0 ? 'primary' : 'replica',
      kill: act('kill', name, true),
      restart: act('restart', name, false),
      pause: act('pause', name, true),
      resume: act('resume', name, false),
    }
  })
  const clients = ['client-1', 'client-2'].map((name): TopologyNode => ({ name, role: 'client' }))
  const link = (from: string, to: string): TopologyLink => ({
    from,
    to,
    link: {
      layer: async (_, faults: LinkLayer | undefined) => {
        const key = `${from}>${to}`
        const [what] = Object.entries(faults ?? {}).flatMap(([name, fault]) =>
          fault === undefined ? [] : [name],
        )
        log.push(
          `${what ?? 'heal'} ${key}${faults?.partition === undefined ? '' : ` ${faults.partition.direction}`}`,
        )
        if (faults === undefined) broken.delete(key)
        else broken.add(key)
      },
    },
  })
  const links = servers.flatMap(({ name: to }, at) => [
    ...servers.slice(at + 1).map(({ name: from }) => link(from, to)),
    ...clients.map(({ name: from }) => link(from, to)),
  ])
  return { nodes: [...servers, ...clients], links, log, broken }
}
