/** Values of `redis.conf`. */
export type RedisSettings = Readonly<Record<string, string | number>>

/** Settings that make the cluster what it is; they cannot be overridden. */
export const RESERVED_REDIS: readonly string[] = [
  'bind',
  'daemonize',
  'dir',
  'include',
  'logfile',
  'pidfile',
  'port',
  'replicaof',
  'slaveof',
  'supervised',
  'unixsocket',
]

/** A whole `redis.conf`. */
export function renderSettings(server: {
  readonly port: number
  readonly dir: string
  /** Of the server; an older one does not know all settings. */
  readonly version: string
  readonly upstreamPort: number | undefined
  readonly fsync: boolean
  readonly persistent: boolean
  readonly overrides: RedisSettings
}): string {
  const { port, dir, version, upstreamPort, fsync, persistent, overrides } = server
  const settings: RedisSettings = {
    save: '',
    appendonly: persistent ? 'yes' : 'no',
    // 'everysec' may hold a write back while the disk is busy, so SIGKILL could lose it; 'no' hands each
    // write to the system before the client hears of it.
    appendfsync: fsync ? 'always' : 'no',
    'repl-diskless-sync': 'yes',
    // The default would make each new replica wait 5 s for others to come.
    'repl-diskless-sync-delay': 0,
    'repl-diskless-load': 'on-empty-db',
    // From 7.0 on, SIGTERM waits for replicas that lag. Here a link may be cut on purpose.
    ...(Number.parseInt(version, 10) >= 7 ? { 'shutdown-timeout': 0 } : {}),
    'repl-ping-replica-period': 1,
    'repl-timeout': 5,
    'protected-mode': 'yes',
    loglevel: 'notice',
    ...overrides,
    bind: '127.0.0.1',
    port,
    dir,
    daemonize: 'no',
    logfile: '',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${quote(value)}\n`)
  if (upstreamPort !== undefined) lines.push(`replicaof 127.0.0.1 ${upstreamPort}\n`)
  return lines.join('')
}

/** Only what needs them gets quotes: a value may be several words, as in `client-output-buffer-limit`. */
function quote(value: string | number): string {
  const text = String(value)
  return text === '' || text.startsWith('/') ? JSON.stringify(text) : text
}
