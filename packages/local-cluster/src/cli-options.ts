import { parseArgs } from 'node:util'
import type { ClusterOptions, RedisGroupOptions } from './options.ts'

/** What the command line asks for. */
export type CliRequest =
  | { readonly type: 'help' }
  | { readonly type: 'start'; readonly options: ClusterOptions; readonly json: boolean }

export const HELP = `Real Postgres and Redis servers with replicas, until Ctrl-C.

  npx @quorate/local-cluster --postgres orders:2 --redis cart:1

  --postgres NAME[:REPLICAS]   a Postgres primary and its streaming replicas (default 0); may be repeated
  --redis NAME[:REPLICAS]      a Redis primary and its replicas (default 0); may be repeated
  --database NAME/DATABASE     a database to create in Postgres NAME; may be repeated
  --port NAME=PORT             port of the primary NAME (default: a free one); may be repeated
  --set NAME.SETTING=VALUE     a server setting, as in orders.max_connections=100; may be repeated
  --data-dir FOLDER            keep the data there (default: a temporary folder, removed at the end)
  --fsync                      write through to the disk, so that data survives a power cut
  --json                       print one line of JSON instead of a table
  --help                       this text

QUORATE_REDIS names a redis-server to use, QUORATE_CACHE a folder for what is made once.
`

/** The command line is wrong; the message is one line for the user. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

type Group = { replicas: number; databases: string[]; port?: number; settings: Record<string, string> }

/**
 * Reads the command line.
 *
 * @throws UsageError when it cannot be understood.
 */
export function parseCommandLine(args: readonly string[]): CliRequest {
  const values = parse(args)
  if (values.help === true) return { type: 'help' }
  const postgres = groupsOf('--postgres', values.postgres ?? [])
  const redis = groupsOf('--redis', values.redis ?? [])
  if (postgres.size + redis.size === 0) {
    throw new UsageError('Nothing to start: name a server, as in --postgres orders:2 or --redis cart:1')
  }
  const find = (option: string, name: string, groups: readonly Map<string, Group>[]): Group => {
    const found = groups.flatMap((group) => group.get(name) ?? [])
    if (found.length === 1) return found[0] as Group
    const why = found.length === 0 ? 'there is no such server' : 'a Postgres and a Redis have that name'
    throw new UsageError(`${option} ${name}: ${why}; name one of --postgres or --redis`)
  }
  for (const text of values.database ?? []) {
    const [name, database] = split('--database', text, '/', 'NAME/DATABASE')
    find('--database', name, [postgres]).databases.push(database)
  }
  for (const text of values.port ?? []) {
    const [name, port] = split('--port', text, '=', 'NAME=PORT')
    if (!/^\d+$/.test(port)) throw new UsageError(`--port ${text}: the port must be a number`)
    find('--port', name, [postgres, redis]).port = Number(port)
  }
  for (const text of values.set ?? []) {
    const [name, setting] = split('--set', text, '.', 'NAME.SETTING=VALUE')
    const [key, value] = split('--set', setting, '=', 'NAME.SETTING=VALUE')
    find('--set', name, [postgres, redis]).settings[key] = value
  }
  return {
    type: 'start',
    json: values.json === true,
    options: {
      postgres: Object.fromEntries(postgres),
      redis: Object.fromEntries([...redis].map(([name, group]) => [name, asRedis(group)])),
      dataDir: values['data-dir'],
      fsync: values.fsync,
    },
  }
}

const LIST = { type: 'string', multiple: true } as const
const OPTIONS = {
  postgres: LIST,
  redis: LIST,
  database: LIST,
  port: LIST,
  set: LIST,
  'data-dir': { type: 'string' },
  fsync: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

function parse(args: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'] {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false }).values
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw new UsageError(`${line.replace(/\.? To specify.*$/, '')}; --help lists what there is`)
  }
}

function groupsOf(option: string, texts: readonly string[]): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const text of texts) {
    const [name = '', replicas = '0', ...more] = text.split(':')
    if (name === '' || more.length > 0 || !/^\d+$/.test(replicas)) {
      throw new UsageError(`${option} ${text}: must be NAME or NAME:REPLICAS, as in ${option} orders:2`)
    }
    if (groups.has(name)) throw new UsageError(`${option} ${name}: named twice; give each its own name`)
    groups.set(name, { replicas: Number(replicas), databases: [], settings: {} })
  }
  return groups
}

const asRedis = ({ replicas, port, settings }: Group): RedisGroupOptions => ({ replicas, port, settings })

function split(option: string, text: string, by: string, form: string): [string, string] {
  const at = text.indexOf(by)
  if (at <= 0 || at === text.length - 1) throw new UsageError(`${option} ${text}: must be ${form}`)
  return [text.slice(0, at), text.slice(at + 1)]
}
