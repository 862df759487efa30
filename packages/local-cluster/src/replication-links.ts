import type { Chaos, Link } from '@quorate/chaos'

/** Someone with a port that replicas connect to. */
export interface LinkEnd {
  readonly name: string
  readonly region: string
  readonly port: number
}

/**
 * The wires of one group, from each replica to the primary, made when first needed. A promotion makes new
 * ones: a fault of a wire ends with it, a cut between regions does not.
 */
export class ReplicationLinks {
  readonly #chaos: Chaos | undefined
  readonly #links = new Map<string, Link>()

  /** @param chaos `undefined`: replicas connect straight. */
  constructor(chaos: Chaos | undefined) {
    this.#chaos = chaos
  }

  /** The port at which `replica` finds `primary`, over a wire if there are wires. */
  async portFor(replica: LinkEnd, primary: LinkEnd): Promise<number> {
    if (this.#chaos === undefined) return primary.port
    const key = keyOf(replica, primary)
    const known = this.#links.get(key)
    if (known !== undefined) {
      if (known.target.port !== primary.port) await known.retarget({ port: primary.port })
      return known.port
    }
    const target = { port: primary.port }
    const link = await this.#chaos.link({ name: key, from: replica.region, to: primary.region, target })
    this.#links.set(key, link)
    return link.port
  }

  /** The wire by which `replica` finds `primary`, if there is one. */
  between(replica: LinkEnd, primary: LinkEnd): Link | undefined {
    return this.#links.get(keyOf(replica, primary))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.close()))
    this.#links.clear()
  }
}

const keyOf = (replica: LinkEnd, primary: LinkEnd): string => `${replica.name}→${primary.name}`
