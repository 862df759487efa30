// Five replicas of one object in the simulator: each is a device with a disk, edits it and gossips with the others
// over a network that loses, doubles and reorders.
import { type Env, group, type NodeId, type Scenario } from '@quorate/chaos/sim'
import type { AnyCrdt, Noted, Subject } from '../subjects.ts'
import { VersionVector } from '@quorate/vector-clock'

/** The n-th edit of a run; what it is, the replica decides by what it sees. */
export interface Call {
  readonly edit: number
}

interface Message {
  readonly delta?: Uint8Array
  /** Tells what the sender has, and asks for what it lacks. */
  readonly version?: Record<string, number>
}

export interface Device {
  edit(id: string): Promise<Omit<Noted, 'acknowledged'> | undefined>
}

export interface Network extends Scenario<Device, Call, Noted | undefined> {}

/** So often a replica asks the next of the others for what it lacks: all four of them within the time of settling. */
const GOSSIP_MS = 40
const EDITS = 16

/** What the replicas hold, by name; each run begins anew. */
export interface Alive {
  readonly replicas: Map<NodeId, AnyCrdt>
  /** All edits that a replica has begun, acknowledged or not. */
  readonly begun: Map<string, Noted>
}

/**
 * @param breakIt plants a mistake, so that the test can show that it would be found.
 */
export function network(
  subject: Subject,
  breakIt: { readonly acknowledgeBeforeSync?: boolean; readonly gossip?: boolean } = {},
): Network {
  const alive: Alive = { replicas: new Map(), begun: new Map() }

  async function device(env: Env): Promise<Device> {
    const place = { replica: env.id, now: () => env.now() }
    const crdt = subject.make(place)
    // A crash can tear the last record in two, so each has a beginning and an end.
    for (const [, record = ''] of ((await env.disk.read('log')) ?? '').matchAll(/<([0-9a-f]*)>/g)) {
      crdt.merge(Uint8Array.from(Buffer.from(record, 'hex')))
    }
    alive.replicas.set(env.id, crdt)

    // One thing at a time: what is told to others is on the disk.
    let last: Promise<unknown> = Promise.resolve()
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
      const mine = last.then(work)
      last = mine.catch(() => undefined)
      return mine
    }
    const keep = (bytes: Uint8Array): Promise<void> =>
      env.disk.append('log', `<${Buffer.from(bytes).toString('hex')}>`)

    const others = env.clients.filter((id) => id !== env.id)
    env.onMessage<Message>((message, from) =>
      inTurn(async () => {
        if (message.delta !== undefined && crdt.merge(message.delta)) {
          await keep(message.delta)
          await env.disk.fsync('log')
        }
        if (message.version === undefined) return
        const delta = crdt.deltaSince(VersionVector.of(message.version))
        if (!delta.isEmpty) env.send(from, { delta: delta.encode() })
      }),
    )
    env.spawn(async () => {
      for (let turn = env.restarts; ; turn++) {
        await env.sleep(GOSSIP_MS * (0.5 + env.random()))
        const peer = others[turn % others.length]
        if (breakIt.gossip === false || peer === undefined) continue
        await inTurn(async () => env.send(peer, { version: crdt.version.toJSON() }))
      }
    })

    return {
      edit: (id) =>
        inTurn(async () => {
          const edited = subject.edit(crdt, env.random, id)
          if (edited === undefined) return undefined
          alive.begun.set(id, { ...edited.note, acknowledged: false })
          const bytes = edited.delta.encode()
          await keep(bytes)
          if (breakIt.acknowledgeBeforeSync !== true) await env.disk.fsync('log')
          for (const peer of others) env.send(peer, { delta: bytes })
          return edited.note
        }),
    }
  }

  return {
    name: subject.name,
    clients: group('r', 5, device),
    workload: ({ random, clients }) => {
      alive.replicas.clear()
      alive.begun.clear()
      return Array.from({ length: EDITS }, (_, edit) => ({
        on: clients[Math.floor(random() * clients.length)] ?? 'r1',
        afterMs: Math.floor(random() * 40),
        call: { edit },
      }))
    },
    perform: async (own, { edit }, env) => {
      const note = await own.edit(`e${edit}.${env.restarts}`)
      return note === undefined ? undefined : { ...note, acknowledged: true }
    },
    settleMs: 350,
    check: ({ history }) => {
      const done = history.flatMap(({ status, output, call }) =>
        status === 'ok' && output !== undefined ? [[`e${call.edit}`, output] as const] : [],
      )
      const acknowledged = new Map<string, Noted>(done)
      const unsure = [...alive.begun].filter(([id]) => !acknowledged.has(id.replace(/\.\d+$/, '')))
      const notes = [...acknowledged.values(), ...unsure.map(([, note]) => note)]

      const all = [...alive.replicas.values()]
      const [first, ...others] = all
      if (first === undefined || others.length < 4) return 'a replica is missing'
      const bytes = Buffer.from(first.encode())
      for (const other of others) {
        if (!bytes.equals(other.encode())) {
          return `replicas differ: ${JSON.stringify(first)} and ${JSON.stringify(other)}`
        }
        if (other.hasGaps) return 'a gap is left'
        if (!other.deltaSince(first.version).isEmpty) return 'equal replicas would send each other something'
      }
      return subject.lost(notes, first)
    },
  }
}
