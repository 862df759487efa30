/** Values of `postgresql.conf`. */
export type PostgresSettings = Readonly<Record<string, string | number | boolean>>

/**
 * Small, quick to start and quiet when idle; every line can be overridden except {@link RESERVED}.
 * Durability against a crash of the machine is off (`fsync`), against a crash of a server it is not.
 */
const DEFAULTS: PostgresSettings = {
  // Services keep pools: ten of five, and room for tools. A slot costs about 10 kB until it is used.
  max_connections: 60,
  superuser_reserved_connections: 2,
  shared_buffers: '16MB',
  wal_buffers: '256kB',
  huge_pages: 'off',
  jit: false,
  // 'posix' would leave 1 MB in /dev/shm for every server that is killed.
  dynamic_shared_memory_type: 'mmap',
  // The default 'worker' of Postgres 18 keeps three more processes per server.
  io_method: 'sync',
  max_worker_processes: 4,
  max_parallel_workers: 0,
  max_parallel_workers_per_gather: 0,
  max_parallel_maintenance_workers: 0,
  max_logical_replication_workers: 2,
  wal_level: 'logical',
  max_wal_senders: 10,
  max_replication_slots: 10,
  // How far a replica may fall behind before it has to be cloned again.
  wal_keep_size: '256MB',
  max_wal_size: '128MB',
  min_wal_size: '8MB',
  checkpoint_timeout: '30min',
  wal_recycle: false,
  wal_init_zero: false,
  full_page_writes: true,
  max_prepared_transactions: 32,
  hot_standby: true,
  hot_standby_feedback: true,
  wal_retrieve_retry_interval: '50ms',
  wal_receiver_status_interval: '1s',
  // A partition that stalls is noticed by both ends in this time, as in production (there: 60 s).
  wal_receiver_timeout: '5s',
  wal_sender_timeout: '5s',
  autovacuum_naptime: '1min',
  autovacuum_max_workers: 1,
  bgwriter_lru_maxpages: 0,
  bgwriter_delay: '10s',
  update_process_title: false,
  logging_collector: false,
  log_line_prefix: '%m ',
  log_checkpoints: false,
  log_min_messages: 'warning',
  timezone: 'UTC',
}

/** Settings that make the cluster what it is; they cannot be overridden. */
export const RESERVED: readonly string[] = [
  'allow_alter_system',
  'cluster_name',
  'data_directory',
  'hba_file',
  'hot_standby',
  'listen_addresses',
  'port',
  'primary_conninfo',
  'primary_slot_name',
  'recovery_min_apply_delay',
  'recovery_target_timeline',
  'restore_command',
  'synchronous_standby_names',
  'unix_socket_directories',
]

/** What {@link renderSettings} needs to know of one server. */
export interface ServerSettings {
  readonly port: number
  /** Name of the node, under which its primary knows it. */
  readonly node: string
  /** Where it streams from as a standby; without meaning on a primary. */
  readonly upstreamPort: number
  readonly fsync: boolean
  /** How many standbys confirm a commit before the client hears of it. */
  readonly synchronous: number
  readonly applyDelayMs: number
  readonly overrides: PostgresSettings
}

/** A whole `postgresql.conf`. The same values go to all nodes of a group, so any can become primary. */
export function renderSettings(server: ServerSettings): string {
  const settings: PostgresSettings = {
    ...DEFAULTS,
    fsync: server.fsync,
    ...server.overrides,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: server.port,
    cluster_name: server.node,
    primary_conninfo:
      `host=127.0.0.1 port=${server.upstreamPort} user=postgres application_name=${server.node} ` +
      `connect_timeout=3 gssencmode=disable sslmode=disable`,
    recovery_target_timeline: 'latest',
    recovery_min_apply_delay: `${server.applyDelayMs}ms`,
    synchronous_standby_names: server.synchronous > 0 ? `ANY ${server.synchronous} (*)` : '',
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${render(value)}\n`)
    .join('')
}

function render(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return `'${String(value).replaceAll("'", "''")}'`
}
