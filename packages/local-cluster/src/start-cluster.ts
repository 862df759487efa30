import { createChaos, type Chaos } from '@quorate/chaos'
import { emit, systemClock, systemRandom } from '@quorate/core'
import { WrongServerStateError } from './errors.ts'
import type { ClusterEvent } from './events.ts'
import { serverAccount } from './host/account.ts'
import { cacheFolder } from './host/cache.ts'
import type { HostContext } from './host/context.ts'
import { ClusterHome } from './host/home.ts'
import type { ServerNode } from './host/server-node.ts'
import { clearUnfinished, Manifest } from './manifest.ts'
import type { ClusterOptions } from './options.ts'
import { type Plan, planOf } from './plan.ts'
import { postgresBinaries } from './postgres/binaries.ts'
import type { PostgresMembers } from './postgres/members.ts'
import { startPostgres } from './postgres/start.ts'
import type { RedisMembers } from './redis/members.ts'
import { startRedis } from './redis/start.ts'
import type { Starter } from './starter.ts'

/** A cluster that runs; groups by name. */
export interface RunningCluster {
  readonly home: ClusterHome
  readonly postgres: ReadonlyMap<string, PostgresMembers>
  readonly redis: ReadonlyMap<string, RedisMembers>
  stop(): Promise<void>
}

/** Starts everything, or nothing: a failure ends what has started by then. */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const plan = planOf(options)
  const { clock = systemClock, signal, dataDir } = options
  signal?.throwIfAborted()
  const startedMs = clock.monotonic()
  const account = serverAccount()
  const cache = await cacheFolder(account)
  const home =
    dataDir === undefined
      ? await ClusterHome.temporary(account, clock)
      : await ClusterHome.persistent(dataDir, account, clock)
  const context = { account, cache, clock }
  const cluster = new Cluster(options, plan, home, context)
  const giveUp = (): void => cluster.giveUp(signal?.reason)
  signal?.addEventListener('abort', giveUp, { once: true })
  if (signal?.aborted === true) giveUp()
  try {
    await cluster.start()
  } catch (error) {
    // Should this fail as well, the watchdog does it when we end; the first error says more.
    await cluster.stop().catch(() => {})
    throw error
  } finally {
    signal?.removeEventListener('abort', giveUp)
  }
  const elapsedMs = clock.monotonic() - startedMs
  cluster.note({ type: 'ready', servers: plan.servers, elapsedMs })
  return cluster
}

class Cluster implements RunningCluster, Starter {
  readonly home: ClusterHome
  readonly context: HostContext
  readonly chaos: Chaos | undefined
  readonly postgres: Map<string, PostgresMembers> = new Map()
  readonly redis: Map<string, RedisMembers> = new Map()
  readonly #options: ClusterOptions
  readonly #plan: Plan
  readonly #ownChaos: Chaos | undefined
  readonly #ending = new AbortController()
  #manifest: Manifest | undefined
  #isUp = false
  #started = 0
  #stopping: Promise<void> | undefined

  constructor(
    options: ClusterOptions,
    plan: Plan,
    home: ClusterHome,
    host: Pick<HostContext, 'account' | 'cache' | 'clock'>,
  ) {
    const { links = true, chaos, random = systemRandom, fsync = false, startTimeoutMs = 30_000 } = options
    this.#options = options
    this.#plan = plan
    this.home = home
    this.context = {
      ...host,
      registry: home,
      random,
      fsync,
      persistent: !home.temporary,
      startTimeoutMs,
      signal: this.#ending.signal,
      note: (event) => this.note(event),
    }
    if (links && chaos === undefined) this.#ownChaos = createChaos({ clock: host.clock })
    this.chaos = links ? (chaos ?? this.#ownChaos) : undefined
  }

  get manifest(): Manifest | undefined {
    return this.#manifest
  }

  async start(): Promise<void> {
    const { account, cache, clock, fsync } = this.context
    const binaries =
      this.#plan.postgres.length === 0
        ? undefined
        : await postgresBinaries({ account, cache, nowMs: clock.now() })
    if (!this.home.temporary) {
      const postgresVersion = binaries?.version.split('.')[0] ?? ''
      this.#manifest = await Manifest.open(this.home.root, this.#plan, { postgresVersion, fsync })
    }
    await this.all([
      binaries === undefined
        ? Promise.resolve()
        : startPostgres(this.#plan.postgres, binaries, this, (group) => this.postgres.set(group.name, group)),
      startRedis(this.#plan.redis, this, (group) => this.redis.set(group.name, group)),
    ])
    const ports = this.#nodes().map((node) => [node.name, node.port] as const)
    await this.#manifest?.opened(Object.fromEntries(ports), fsync)
    this.#isUp = true
  }

  /** Ends a start that is under way. */
  giveUp(reason: unknown): void {
    this.#ending.abort(reason)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  async #stopAll(): Promise<void> {
    this.#ending.abort(stopped())
    const groups = [...this.postgres.values(), ...this.redis.values()]
    await Promise.all(groups.map((group) => group.settled()))
    const orderly = !this.home.temporary && this.#isUp
    // A primary that ends in order brings its replicas up to date first.
    await Promise.all(
      groups.map(async ({ primary, replicas }) => {
        const end = ({ node }: { node: ServerNode }): Promise<void> => node.destroy({ orderly })
        if (orderly) await end(primary)
        await Promise.all([primary, ...replicas].map(end))
      }),
    )
    await Promise.all(groups.map((group) => group.closeLinks()))
    await this.#ownChaos?.[Symbol.asyncDispose]()
    if (this.#isUp) await this.#manifest?.closed()
    const isUnfinished = !this.#isUp && this.#manifest?.reopened === false
    if (isUnfinished) await clearUnfinished(this.home.root)
    await this.home.close({ unused: !this.#isUp })
    this.note({ type: 'stopped' })
  }

  async all(tasks: readonly Promise<void>[]): Promise<void> {
    const failures: unknown[] = []
    const watch = (task: Promise<void>): Promise<void> =>
      task.catch((error: unknown) => {
        failures.push(error)
        this.giveUp(error)
      })
    await Promise.all(tasks.map(watch))
    if (failures.length > 0) throw failures[0]
  }

  ready(node: ServerNode): void {
    this.#started++
    const { name: server, port } = node
    const { servers: total } = this.#plan
    this.note({ type: 'server-ready', server, port, started: this.#started, total })
  }

  note(event: ClusterEvent): void {
    emit(this.#options.onEvent, () => event)
  }

  #nodes(): ServerNode[] {
    return [...this.postgres.values(), ...this.redis.values()].flatMap(({ all }) =>
      all.map(({ node }): ServerNode => node),
    )
  }
}

const stopped = (): WrongServerStateError =>
  new WrongServerStateError({
    server: 'the cluster',
    action: 'wait',
    state: 'stopped',
    remedy: 'finish what uses it before it is disposed',
  })
