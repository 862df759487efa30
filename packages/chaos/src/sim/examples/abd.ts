// A register on several replicas that any client may read and write: Attiya, Bar-Noy and Dolev, "Sharing Memory
// Robustly in Message-Passing Systems", J. ACM 42(1), 1995, with many writers as in Lynch and Shvartsman, FTCS 1997.
// With bugs to plant, each of which somebody has once had.
import type { Env, NodeId } from '../env.ts'
import { group, type Scenario } from '../scenario.ts'
import { checkRegister, type RegisterCall } from './register.ts'

/** What to leave out or to get wrong. */
export interface AbdBugs {
  /** A read does not write back what it found: a later one may find something older. */
  readonly noWriteBack?: boolean
  /** A replica says that it has stored a value before its disk does. */
  readonly ackBeforeFsync?: boolean
  /** Half of the replicas are called a quorum: two of four. Two of them need not meet. */
  readonly halfQuorum?: boolean
  /** Equal stamps are not told apart by the client that made them. */
  readonly tiesWithoutId?: boolean
  /** Stamps are read off the wall clock of the client. */
  readonly clockStamps?: boolean
}

/** Orders values: the larger is the later one. */
interface Stamp {
  readonly count: number
  readonly by: NodeId
}

interface Stored extends Stamp {
  readonly value: number | null
}

type Request =
  | { readonly type: 'query'; readonly id: number }
  | { readonly type: 'store'; readonly id: number; readonly stored: Stored }
type Reply = { readonly id: number; readonly stored?: Stored | undefined }

const NOTHING: Stored = { count: 0, by: '', value: null }
const RESEND_MS = 60

function isLater(a: Stamp, b: Stamp, bugs: AbdBugs): boolean {
  if (a.count !== b.count) return a.count > b.count
  return bugs.tiesWithoutId !== true && a.by > b.by
}

/** Keeps the latest value it was told, on disk before it says so. */
export async function replica(env: Env, bugs: AbdBugs = {}): Promise<void> {
  let stored = recover(await env.disk.read('log'))
  env.onMessage(async (request: Request, from) => {
    if (request.type === 'query') {
      env.send(from, { id: request.id, stored } satisfies Reply)
      return
    }
    if (isLater(request.stored, stored, bugs)) {
      stored = request.stored
      await env.disk.append('log', `\n${JSON.stringify(stored)}`)
    }
    // Also if there was nothing to append: what is stored may not be on the disk yet.
    if (bugs.ackBeforeFsync !== true) await env.disk.fsync('log')
    env.send(from, { id: request.id } satisfies Reply)
  })
}

/** The last record that is whole: a crash can tear one, and the next one must not begin in its midst. */
function recover(log = ''): Stored {
  const line = log.split('\n').findLast((record) => record.endsWith('}'))
  return line === undefined ? NOTHING : (JSON.parse(line) as Stored)
}

/** Reads and writes at a majority. */
export class AbdClient {
  readonly #env: Env
  readonly #bugs: AbdBugs
  readonly #quorum: number
  #requests = 0
  #answered: (from: NodeId, reply: Reply) => void = () => {}

  constructor(env: Env, bugs: AbdBugs = {}) {
    this.#env = env
    this.#bugs = bugs
    const { length } = env.nodes
    this.#quorum = bugs.halfQuorum === true ? Math.ceil(length / 2) : Math.floor(length / 2) + 1
    env.onMessage((reply: Reply, from) => this.#answered(from, reply))
  }

  async read(): Promise<number | null> {
    const stored = await this.#latest()
    if (this.#bugs.noWriteBack !== true) await this.#ask({ type: 'store', id: ++this.#requests, stored })
    return stored.value
  }

  async write(value: number): Promise<void> {
    const by = this.#env.id
    const count = this.#bugs.clockStamps === true ? this.#env.now() : (await this.#latest()).count + 1
    await this.#ask({ type: 'store', id: ++this.#requests, stored: { count, by, value } })
  }

  async #latest(): Promise<Stored> {
    let latest = NOTHING
    for (const { stored } of await this.#ask({ type: 'query', id: ++this.#requests }))
      if (stored !== undefined && isLater(stored, latest, this.#bugs)) latest = stored
    return latest
  }

  /** Answers of a quorum. Asks again until it has them. */
  #ask(request: Request): Promise<readonly Reply[]> {
    const replies = new Map<NodeId, Reply>()
    return new Promise((resolve) => {
      this.#answered = (from, reply) => {
        if (reply.id !== request.id) return
        replies.set(from, reply)
        if (replies.size === this.#quorum) resolve([...replies.values()])
      }
      const send = async (): Promise<void> => {
        while (replies.size < this.#quorum) {
          for (const node of this.#env.nodes) if (!replies.has(node)) this.#env.send(node, request)
          await this.#env.sleep(RESEND_MS)
        }
      }
      this.#env.spawn(send, 'resend')
    })
  }
}

/** How much happens in one seed. */
export interface AbdSize {
  readonly replicas?: number
  readonly clients?: number
  readonly operations?: number
}

/** The register with its workload and its check. */
export function abdScenario(
  name: string,
  bugs: AbdBugs = {},
  { replicas = 3, clients = 3, operations = 12 }: AbdSize = {},
): Scenario<AbdClient, RegisterCall, number | null | undefined> {
  return {
    name,
    nodes: group('r', replicas, (env) => replica(env, bugs)),
    clients: group('c', clients, (env) => new AbdClient(env, bugs)),
    workload: ({ random, clients: ids }) =>
      Array.from({ length: operations }, (_, index) => ({
        on: ids[Math.floor(random() * ids.length)] as NodeId,
        afterMs: Math.floor(random() * 30),
        call: random() < 0.5 ? { do: 'read' } : { do: 'write', value: index + 1 },
      })),
    perform: async (client, call) => {
      if (call.do === 'read') return client.read()
      await client.write(call.value)
      return undefined
    },
    faults: { max: 6, withinMs: 200, forMs: [2, 80] },
    check: ({ history }) => checkRegister(history),
  }
}
