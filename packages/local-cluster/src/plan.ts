import { checkNames } from '@quorate/core'
import type { ClusterOptions, PostgresGroupOptions, RedisGroupOptions } from './options.ts'
import { RESERVED } from './postgres/settings.ts'
import { RESERVED_REDIS } from './redis/settings.ts'

/** A group with all its defaults filled in. */
export interface GroupPlan<Settings> {
  readonly name: string
  readonly replicas: number
  readonly port: number | undefined
  readonly regions: readonly string[]
  readonly settings: Settings
}
/** A Postgres group with all its defaults filled in. */
export interface PostgresPlan extends GroupPlan<NonNullable<PostgresGroupOptions['settings']>> {
  readonly synchronous: number
  readonly databases: readonly string[]
}
/** A Redis group with all its defaults filled in. */
export type RedisPlan = GroupPlan<NonNullable<RedisGroupOptions['settings']>>

/** Checked options. */
export interface Plan {
  readonly postgres: readonly PostgresPlan[]
  readonly redis: readonly RedisPlan[]
  /** Servers in all. */
  readonly servers: number
}

const SERVER_OPTIONS = ['postgres', 'redis', 'dataDir', 'fsync', 'links', 'chaos', 'startTimeoutMs']
const CLUSTER_OPTIONS = [...SERVER_OPTIONS, 'signal', 'onEvent', 'clock', 'random']
const GROUP_OPTIONS = ['replicas', 'settings', 'port', 'regions']
const POSTGRES_OPTIONS = [...GROUP_OPTIONS, 'synchronous', 'databases']

/** Each replica is a process and 20 MB; `max_wal_senders` leaves room for two tools beside them. */
const MAX_REPLICAS = 8

/**
 * Checks the options once, before anything is made.
 *
 * @throws TypeError, RangeError naming the option, the rule and the value.
 */
export function planOf(options: ClusterOptions = {}): Plan {
  checkNames('start the cluster', options, CLUSTER_OPTIONS)
  const postgres = Object.entries(options.postgres ?? {}).map(([name, group]) => postgresPlan(name, group))
  const redis = Object.entries(options.redis ?? {}).map(([name, group]) => redisPlan(name, group))
  const groups = [...postgres, ...redis]
  if (groups.length === 0) {
    throw new TypeError(
      'Cannot start a cluster: it must have a group in postgres or redis, got none; pass one, as in { postgres: { main: {} } }',
    )
  }
  const { startTimeoutMs = 1, dataDir } = options
  if (!(startTimeoutMs > 0)) {
    throw new RangeError(`Cannot start a cluster: startTimeoutMs must be above 0, got ${startTimeoutMs}`)
  }
  if (dataDir === '')
    throw new TypeError('Cannot start a cluster: dataDir must name a folder, got an empty text')
  const ports = groups.flatMap(({ port }) => (port === undefined ? [] : [port]))
  const twice = ports.find((port, at) => ports.indexOf(port) !== at)
  if (twice !== undefined) {
    throw new RangeError(`Cannot start a cluster: each group must have its own port, got ${twice} twice`)
  }
  return { postgres, redis, servers: groups.reduce((sum, { replicas }) => sum + 1 + replicas, 0) }
}

function postgresPlan(name: string, group: PostgresGroupOptions): PostgresPlan {
  checkNames(`start postgres ${name}`, group, POSTGRES_OPTIONS)
  const common = groupPlan('postgres', name, group, RESERVED)
  const synchronous = Number(group.synchronous ?? 0)
  if (!Number.isInteger(synchronous) || synchronous < 0 || synchronous > common.replicas) {
    throw new RangeError(
      `Cannot start postgres ${name}: synchronous must be from 0 to its number of replicas, ` +
        `which is ${common.replicas}, got ${String(group.synchronous)}`,
    )
  }
  const databases = group.databases ?? []
  for (const database of databases) {
    if (typeof database === 'string' && database !== '' && Buffer.byteLength(database) <= 63) continue
    throw new TypeError(
      `Cannot start postgres ${name}: each of databases must be a name of 1 to 63 bytes, got ${JSON.stringify(database)}`,
    )
  }
  return { ...common, settings: group.settings ?? {}, synchronous, databases }
}

function redisPlan(name: string, group: RedisGroupOptions): RedisPlan {
  checkNames(`start redis ${name}`, group, GROUP_OPTIONS)
  return { ...groupPlan('redis', name, group, RESERVED_REDIS), settings: group.settings ?? {} }
}

function groupPlan(
  engine: 'postgres' | 'redis',
  name: string,
  group: PostgresGroupOptions | RedisGroupOptions,
  reserved: readonly string[],
): Omit<GroupPlan<never>, 'settings'> {
  const { replicas = 0, port, regions = [], settings = {} } = group
  // It becomes the name of a folder and of an application.
  if (!/^[a-z0-9][a-z0-9_-]{0,39}$/i.test(name)) {
    throw new TypeError(
      `Cannot start ${engine} ${JSON.stringify(name)}: a name must be 1 to 40 letters, digits, - or _`,
    )
  }
  if (!Number.isInteger(replicas) || replicas < 0 || replicas > MAX_REPLICAS) {
    throw new RangeError(
      `Cannot start ${engine} ${name}: replicas must be a whole number from 0 to ${MAX_REPLICAS}, got ${replicas}`,
    )
  }
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
    throw new RangeError(`Cannot start ${engine} ${name}: port must be from 1 to 65535, got ${port}`)
  }
  if (regions.length > replicas + 1) {
    throw new RangeError(
      `Cannot start ${engine} ${name}: regions must name at most its ${replicas + 1} servers, got ${regions.length}`,
    )
  }
  for (const [key, value] of Object.entries(settings)) {
    if (reserved.includes(key.toLowerCase())) {
      throw new TypeError(
        `Cannot start ${engine} ${name}: the setting ${key} belongs to the cluster; leave it out`,
      )
    }
    if (/^[a-z][a-z0-9_.-]*$/i.test(key) && !/[\r\n]/.test(String(value))) continue
    throw new TypeError(
      `Cannot start ${engine} ${name}: ${JSON.stringify(key)} must be a setting on one line`,
    )
  }
  return { name, replicas, port, regions }
}
