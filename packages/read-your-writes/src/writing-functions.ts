/**
 * Functions of Postgres that write, take locks, run SQL they are given, or mean one server or one connection.
 * Its other volatile functions, as `random()`, do as well on a replica.
 */
const NAMES = new Set([
  // sequences; what a connection drew last is known to it alone
  'nextval',
  'setval',
  'currval',
  'lastval',
  // settings, notifications, transaction ids
  'set_config',
  'pg_notify',
  'txid_current',
  'pg_current_xact_id',
  'pg_export_snapshot',
  'pg_nextoid',
  // large objects
  'loread',
  'lowrite',
  // SQL as an argument
  'query_to_xml',
  'query_to_xmlschema',
  'query_to_xml_and_xmlschema',
  'cursor_to_xml',
  'cursor_to_xmlschema',
  'ts_stat',
  'ts_rewrite',
  // indexes and statistics
  'gin_clean_pending_list',
  'pg_clear_attribute_stats',
  'pg_clear_relation_stats',
  'pg_restore_attribute_stats',
  'pg_restore_relation_stats',
  // administration of the server that runs them
  'pg_cancel_backend',
  'pg_terminate_backend',
  'pg_reload_conf',
  'pg_rotate_logfile',
  'pg_promote',
  'pg_switch_wal',
  'pg_create_restore_point',
  'pg_backup_start',
  'pg_backup_stop',
  'pg_wal_replay_pause',
  'pg_wal_replay_resume',
  'pg_log_backend_memory_contexts',
  'pg_log_standby_snapshot',
  'pg_import_system_collations',
  'pg_extension_config_dump',
  'pg_stop_making_pinned_objects',
  'pg_sync_replication_slots',
])

const PREFIXES = [
  'pg_advisory_',
  'pg_try_advisory_',
  'lo_',
  'pg_current_wal_', // no replica can answer
  'pg_walfile_',
  'pg_logical_',
  'pg_replication_',
  'pg_create_',
  'pg_drop_',
  'pg_copy_',
  'pg_stat_reset',
  'brin_',
  'binary_upgrade_',
  'dblink', // SQL on another server
]

/** @param name in lower case, without its schema. */
export function isWritingFunction(name: string): boolean {
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix))
}
