import path from 'node:path'
import { createChaos, type Chaos } from '@quorate/chaos'
import { emit, systemClock, systemRandom, type Clock } from '@quorate/core'
import type { ClusterEvent } from './events.ts'
import { type Account, serverAccount } from './host/account.ts'
import { cacheFolder } from './host/cache.ts'
import { ClusterHome } from './host/home.ts'
import { limit } from './host/limit.ts'
import type { ClusterOptions, PostgresGroupOptions } from './options.ts'
import { postgresBinaries } from './postgres/binaries.ts'
import type { PostgresContext } from './postgres/context.ts'
import { PostgresMembers } from './postgres/members.ts'
import { PostgresNode } from './postgres/node.ts'
import { postgresTemplate } from './postgres/template.ts'
import { findRedis } from './redis/find.ts'
import { RedisMembers } from './redis/members.ts'
import { RedisNode } from './redis/node.ts'
import { ReplicationLinks } from './replication-links.ts'

/** A cluster that runs; groups by name. */
export interface RunningCluster {
  readonly home: ClusterHome
  readonly postgres: ReadonlyMap<string, PostgresMembers>
  readonly redis: ReadonlyMap<string, RedisMembers>
  stop(): Promise<void>
}

/** Copying files is what a start costs; more at once only makes each slower. */
const COPIES_AT_ONCE = 4

/** Starts everything, or nothing: a failure ends what has started by then. */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const { clock = systemClock, signal } = options
  signal?.throwIfAborted()
  const startedMs = clock.monotonic()
  const account = serverAccount()
  const cache = await cacheFolder(account)
  const home = await ClusterHome.temporary(account)
  const starter = new Starter(options, { account, cache, home, clock })
  try {
    await starter.start()
  } catch (error) {
    await starter.stop()
    throw error
  }
  const elapsedMs = clock.monotonic() - startedMs
  emit<ClusterEvent>(options.onEvent, () => ({ type: 'ready', servers: starter.total, elapsedMs }))
  return { home, postgres: starter.postgres, redis: starter.redis, stop: () => starter.stop() }
}

class Starter {
  readonly postgres: Map<string, PostgresMembers> = new Map()
  readonly redis: Map<string, RedisMembers> = new Map()
  readonly total: number
  readonly #options: ClusterOptions
  readonly #account: Account | undefined
  readonly #cache: string
  readonly #home: ClusterHome
  readonly #clock: Clock
  readonly #giveUp = new AbortController()
  readonly #signal: AbortSignal
  readonly #chaos: Chaos | undefined
  readonly #ownChaos: Chaos | undefined
  readonly #links: ReplicationLinks[] = []
  #started = 0
  #stopping: Promise<void> | undefined

  constructor(
    options: ClusterOptions,
    host: { account: Account | undefined; cache: string; home: ClusterHome; clock: Clock },
  ) {
    this.#options = options
    this.#account = host.account
    this.#cache = host.cache
    this.#home = host.home
    this.#clock = host.clock
    const { signal, links = true, chaos } = options
    this.#signal = signal === undefined ? this.#giveUp.signal : AbortSignal.any([signal, this.#giveUp.signal])
    this.#ownChaos = links && chaos === undefined ? createChaos({ clock: host.clock }) : undefined
    this.#chaos = links ? (chaos ?? this.#ownChaos) : undefined
    const groups = [...Object.values(options.postgres ?? {}), ...Object.values(options.redis ?? {})]
    this.total = groups.reduce((sum, { replicas = 0 }) => sum + 1 + replicas, 0)
  }

  async start(): Promise<void> {
    await this.#all([this.#startPostgres(), this.#startRedis()])
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  async #stopAll(): Promise<void> {
    const nodes = [...this.postgres.values(), ...this.redis.values()].flatMap(({ all }) =>
      all.map(({ node }) => node),
    )
    await Promise.all(nodes.map((node) => node.destroy()))
    await Promise.all(this.#links.map((links) => links.close()))
    await this.#ownChaos?.[Symbol.asyncDispose]()
    await this.#home.close()
    this.#note({ type: 'stopped' })
  }

  async #startPostgres(): Promise<void> {
    const groups = Object.entries(this.#options.postgres ?? {})
    if (groups.length === 0) return
    const { random = systemRandom, fsync = false, startTimeoutMs = 30_000 } = this.#options
    const binaries = await postgresBinaries({
      account: this.#account,
      cache: this.#cache,
      nowMs: this.#clock.now(),
    })
    const context: PostgresContext = {
      binaries,
      cache: this.#cache,
      account: this.#account,
      registry: this.#home,
      clock: this.#clock,
      random,
      fsync,
      startTimeoutMs,
      signal: this.#signal,
      note: (event) => this.#note(event),
    }
    const template = await postgresTemplate(context)
    const copy = limit(COPIES_AT_ONCE)
    await this.#all(
      groups.map(([name, group]) => this.#startPostgresGroup(name, group, { context, template, copy })),
    )
  }

  async #startPostgresGroup(
    name: string,
    group: PostgresGroupOptions,
    {
      context,
      template,
      copy,
    }: { context: PostgresContext; template: string; copy: ReturnType<typeof limit> },
  ): Promise<void> {
    const { replicas = 0, synchronous = false, settings, databases = [], regions = [], port } = group
    const folder = await this.#home.folder('postgres', name)
    const logs = await this.#home.folder('logs')
    const members = Array.from({ length: replicas + 1 }, (_, at) => {
      const node = new PostgresNode(context, {
        name: `postgres/${name}/node-${at + 1}`,
        dir: path.join(folder, `node-${at + 1}`),
        logFile: path.join(logs, `postgres-${name}-node-${at + 1}.log`),
        port: at === 0 ? port : undefined,
        synchronous: Number(synchronous),
        overrides: settings,
      })
      return { node, region: regions[at] ?? node.name }
    })
    const group_ = new PostgresMembers({
      name,
      context,
      links: this.#newLinks(),
      members,
      saveRoles: async () => {},
    })
    this.postgres.set(name, group_)
    const primaryReady = copy(() => group_.makeData(group_.primary, template)).then(async () => {
      await group_.primary.node.start()
      this.#ready(group_.primary.node)
    })
    await this.#all([
      primaryReady,
      ...group_.replicas.map(async (member) => {
        await copy(() => group_.makeData(member, template))
        await primaryReady
        await group_.startReplica(member)
        this.#ready(member.node)
      }),
    ])
    await group_.streaming()
    await group_.createDatabases(databases)
  }

  async #startRedis(): Promise<void> {
    const groups = Object.entries(this.#options.redis ?? {})
    if (groups.length === 0) return
    const { random = systemRandom, fsync = false, startTimeoutMs = 30_000 } = this.#options
    const signal = this.#signal
    const binary = await findRedis({
      account: this.#account,
      cache: this.#cache,
      nowMs: this.#clock.now(),
      signal,
      onProgress: (detail) => this.#note({ type: 'preparing', what: 'redis', detail }),
    })
    const context = {
      binary,
      account: this.#account,
      registry: this.#home,
      clock: this.#clock,
      random,
      fsync,
      persistent: !this.#home.temporary,
      startTimeoutMs,
      signal,
      note: (event: ClusterEvent) => this.#note(event),
    }
    await this.#all(
      groups.map(async ([name, group]) => {
        const { replicas = 0, settings, regions = [], port } = group
        const folder = await this.#home.folder('redis', name)
        const logs = await this.#home.folder('logs')
        const members = Array.from({ length: replicas + 1 }, (_, at) => {
          const node = new RedisNode(context, {
            name: `redis/${name}/node-${at + 1}`,
            dir: path.join(folder, `node-${at + 1}`),
            logFile: path.join(logs, `redis-${name}-node-${at + 1}.log`),
            port: at === 0 ? port : undefined,
            overrides: settings,
          })
          return { node, region: regions[at] ?? node.name }
        })
        const group_ = new RedisMembers({
          name,
          context,
          links: this.#newLinks(),
          members,
          saveRoles: async () => {},
        })
        this.redis.set(name, group_)
        await Promise.all(group_.all.map(({ node }) => node.makeFolder()))
        await group_.primary.node.start()
        this.#ready(group_.primary.node)
        await this.#all(
          group_.replicas.map(async (member) => {
            await group_.startReplica(member)
            this.#ready(member.node)
          }),
        )
        await group_.following()
      }),
    )
  }

  /** Waits for all; when one fails, the others are given up, and waited for, before it is reported. */
  async #all(tasks: readonly Promise<void>[]): Promise<void> {
    const failures: unknown[] = []
    await Promise.all(
      tasks.map((task) =>
        task.catch((error: unknown) => {
          failures.push(error)
          this.#giveUp.abort(error)
        }),
      ),
    )
    if (failures.length > 0) throw failures[0]
  }

  #newLinks(): ReplicationLinks {
    const links = new ReplicationLinks(this.#chaos)
    this.#links.push(links)
    return links
  }

  #ready(node: { name: string; port: number }): void {
    this.#started++
    const { name: server, port } = node
    this.#note({ type: 'server-ready', server, port, started: this.#started, total: this.total })
  }

  #note(event: ClusterEvent): void {
    emit(this.#options.onEvent, () => event)
  }
}
