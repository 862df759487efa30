import {
  createChaos,
  formatSchedule,
  kill,
  type Link,
  mergeTopologies,
  partition,
  pause,
  planNemesis,
  slowLinks,
  type NemesisReport,
  type Schedule,
  type ScheduledFault,
  type Topology,
} from '@quorate/chaos'
import { createHistory, type History, type RecordedHistory } from '@quorate/checker'
import { seededRandom, systemClock } from '@quorate/core'
import { clusterTopology, localCluster, type PostgresGroup, type RedisGroup } from '@quorate/local-cluster'
import { createRegisters } from './postgres-registers.ts'
import { NotSentError, type Place, type Registers } from './registers.ts'
import type { Setting } from './settings.ts'

/** How one setting is run. */
export interface RunOptions {
  readonly seed: number | string
  /** How long the nemesis is at work, ms. 0: only what is provoked. */
  readonly forMs: number
  /** Instead of a schedule from the seed. */
  readonly schedule?: Schedule | string | undefined
  readonly clients?: number | undefined
  /** After so long a client gives up on an operation, ms. */
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What happened in a run. */
export interface RunResult {
  /** Reads are `read primary` and `read replica`; {@link readsFrom} makes a history of them. */
  readonly history: History
  /** What the nemesis did, on one line. */
  readonly schedule: string
  readonly faults: number
  /** Faults that the nemesis did not cause, and why not. */
  readonly missing: readonly string[]
}

const KEYS = ['a', 'b', 'c']
/** Each takes 50 ms and at most the deadline of an operation. */
const ATTEMPTS = 20
const SHOWN_MS = 10_000

/** Runs clients against a setting while a nemesis breaks it, and writes everything down. */
export async function runSetting(setting: Setting, options: RunOptions): Promise<RunResult> {
  const { seed, forMs, clients: count = 4, deadlineMs = 1_000, signal } = options
  await using cluster = await localCluster({ ...setting.cluster, signal })
  const group = (cluster.postgres['main'] ?? cluster.redis['main']) as PostgresGroup | RedisGroup
  await using chaos = createChaos({ seed })
  if (setting.engine === 'postgres') await createRegisters(group.primary.url)
  await group.replicas[0]?.caughtUp({ signal })

  const name = `${setting.engine}.main`
  const clients = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const id = `client-${at + 1}`
      const linkTo = (server: string, port: number): Promise<Link> =>
        chaos.link({ from: id, to: `${name}.${server}`, target: { port } })
      const primary = await linkTo('primary', group.primary.port)
      const replica = await linkTo('replica-1', group.replicas[0]?.port ?? 0)
      return { id, primary, replica }
    }),
  )
  const topology: Topology = mergeTopologies(clusterTopology(cluster), {
    nodes: clients.map(({ id }) => ({ name: id, role: 'client' })),
    links: clients.flatMap(({ id, primary, replica }) => [
      { from: id, to: `${name}.primary`, link: primary },
      { from: id, to: `${name}.replica-1`, link: replica },
    ]),
  })

  const history = createHistory({ name: setting.name, clock: systemClock, initial: null })
  const values = counter()
  const sessions = clients.map(({ id, primary, replica }) => {
    const ports = { primary: primary.port, replica: replica.port }
    return new Session(id, setting.registers(ports, deadlineMs), history, values)
  })
  try {
    await provoke(setting, sessions, group, history)
    signal?.throwIfAborted()
    const schedule =
      options.schedule ?? (forMs === 0 ? { forMs: 0, faults: [] } : planFor(topology, seed, forMs))
    await using nemesis = chaos.nemesis(schedule as Schedule, { topology, history, signal })
    const stopping = new AbortController()
    const work = sessions.map((session) => session.work(seed, stopping.signal))
    const report = await nemesis.finally(() => stopping.abort())
    await Promise.all(work)
    await group.replicas[0]?.caughtUp({ deadlineMs: 30_000, signal })
    for (const session of sessions) await session.readAll()
    const faults = history.faults.length - report.failed.length
    return { history, schedule: report.text, faults, missing: missingIn(report) }
  } finally {
    for (const session of sessions) session.close()
  }
}

function missingIn({ schedule, failed, skipped }: NemesisReport): string[] {
  const lineOf = (fault: ScheduledFault): string =>
    formatSchedule({ ...schedule, faults: [fault] }).slice(String(schedule.forMs).length + 2)
  return [
    ...failed.map(({ fault, error }) => `${lineOf(fault)}: ${String(error)}`),
    ...skipped.map((fault) => `${lineOf(fault)}: the time was over`),
  ]
}

function planFor(topology: Topology, seed: number | string, forMs: number): Schedule {
  const faults = [
    partition('one'),
    partition('one', { direction: 'out' }),
    partition('one', { role: 'client', mode: ['drop', 'reset'] }),
    kill('primary'),
    pause('one'),
    slowLinks('one', { ms: [20, 200], jitterMs: [0, 20] }),
  ]
  return planNemesis(topology, faults, { seed, forMs, everyMs: [300, 1_500] })
}

function counter(): () => number {
  let last = 0
  return () => ++last
}

/** One client, whose operations are written down. */
class Session {
  readonly id: string
  readonly #registers: Registers
  readonly #history: RecordedHistory
  readonly #nextValue: () => number

  constructor(id: string, registers: Registers, history: RecordedHistory, nextValue: () => number) {
    this.id = id
    this.#registers = registers
    this.#history = history
    this.#nextValue = nextValue
  }

  /** @returns the value, and whether it is known to be written. */
  async write(key: string): Promise<{ value: number; done: boolean }> {
    const value = this.#nextValue()
    const call = this.#history.start({ process: this.id, op: 'write', key, input: value })
    try {
      await this.#registers.write(key, value)
      call.ok()
      return { value, done: true }
    } catch (error) {
      if (error instanceof NotSentError) call.fail()
      else call.unknown()
      return { value, done: false }
    }
  }

  /** @returns `undefined` if there was no answer. */
  async read(place: Place, key: string): Promise<number | null | undefined> {
    const call = this.#history.start({ process: this.id, op: `read ${place}`, key })
    try {
      const value = await this.#registers.read(place, key)
      call.ok(value)
      return value
    } catch {
      call.fail() // a read without an answer has done nothing
      return undefined
    }
  }

  /** Reads and writes at random until told to stop. */
  async work(seed: number | string, signal: AbortSignal): Promise<void> {
    const random = seededRandom(`${seed}/${this.id}`)
    while (!signal.aborted) {
      const key = KEYS[Math.floor(random() * KEYS.length)] as string
      const dice = random()
      if (dice < 0.3) await this.write(key)
      else await this.read(dice < 0.65 ? 'primary' : 'replica', key)
      await systemClock.sleep(2 + random() * 10)
    }
  }

  /** Writes one value after the other until one is answered. */
  async writeForSure(key: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if ((await this.write(key)).done) return
      await systemClock.sleep(50)
    }
    throw new Error(`${this.id} cannot write ${key}: no answer in ${ATTEMPTS} attempts`)
  }

  /** Reads until there is an answer: the first attempt may find a connection that has died. */
  async readForSure(place: Place, key: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if ((await this.read(place, key)) !== undefined) return
      await systemClock.sleep(50)
    }
    throw new Error(`${this.id} cannot read ${key} from the ${place}: no answer in ${ATTEMPTS} attempts`)
  }

  /** The end of the story: what was answered must be there. */
  async readAll(): Promise<void> {
    for (const key of KEYS) {
      for (const place of ['primary', 'replica'] as const) await this.readForSure(place, key)
    }
  }

  close(): void {
    this.#registers.close()
  }
}

/**
 * Shows surely what the setting cannot promise, by breaking it at the right moment; nothing depends on who is
 * faster.
 */
async function provoke(
  { provoke: how, engine }: Setting,
  [writer, reader]: readonly Session[],
  group: PostgresGroup | RedisGroup,
  history: RecordedHistory,
): Promise<void> {
  const [key] = KEYS
  const [replica] = group.replicas
  if (writer === undefined || reader === undefined || replica === undefined || key === undefined) return
  await writer.writeForSure(key)
  await replica.caughtUp()
  await reader.readForSure('replica', key)
  await reader.readForSure('primary', key)
  const link = group.link('primary', 'replica-1')
  const targets = [`${engine}.main.replica-1`]
  if (how === 'killed primary') {
    await writer.writeForSure(key)
    await reader.readForSure('primary', key)
    const fault = history.fault({ name: 'kill', targets: [`${engine}.main.primary`] })
    await group.primary.kill()
    await group.primary.restart()
    fault.end()
    for (const session of [writer, reader]) await session.readForSure('primary', key)
  } else if (how === 'paused replay' && 'pauseReplay' in replica) {
    const fault = history.fault({ name: 'pause', targets, detail: 'its replay' })
    await replica.pauseReplay()
    await writer.writeForSure(key)
    await reader.readForSure('primary', key)
    await reader.readForSure('replica', key)
    await writer.readForSure('replica', key)
    await replica.resumeReplay()
    fault.end()
  } else if (how === 'stale replica' || how === 'unanswered write') {
    const fault = history.fault({ name: 'partition', targets, detail: 'drop, both ways' })
    await link.partition()
    if (how === 'stale replica') await writer.writeForSure(key)
    else await writer.write(key)
    await reader.readForSure('primary', key)
    await reader.readForSure('replica', key)
    await writer.readForSure('replica', key)
    await link.heal()
    fault.end()
  } else {
    const fault = history.fault({ name: 'partition', targets, detail: 'drop, what the replica sends' })
    // The replica is the `from` side: what it sends flows to the primary.
    await link.partition({ direction: 'to' })
    const before = await reader.read('replica', key)
    const writing = writer.write(key)
    const untilMs = systemClock.monotonic() + SHOWN_MS
    for (;;) {
      const seen = await reader.read('replica', key)
      if (seen !== undefined && seen !== before) break
      if (systemClock.monotonic() > untilMs) throw new Error(`the replica shows no write in ${SHOWN_MS} ms`)
      await systemClock.sleep(5)
    }
    await reader.readForSure('primary', key)
    await writing
    await link.heal()
    fault.end()
  }
  await replica.caughtUp({ deadlineMs: 30_000 })
}
