import type { RedisStand } from './position.ts'

/** What a server says of its replication. */
export interface Replication extends RedisStand {
  readonly role: 'primary' | 'replica'
  /** Does it receive its primary's writes? Always true of a primary. */
  readonly isConnected: boolean
}

/**
 * Reads the answer to `INFO replication`. Not `ROLE`, which is as cheap for the server (measured on 7.0: 3 µs
 * over PING for either, and 1.5 times as much for the client) but names no replication id: between two
 * looks a server may be demoted and promoted without closing a connection.
 *
 * Of a replica's two offsets `slave_repl_offset` is that of what it has applied; `slave_read_repl_offset`
 * counts what lies unread in its buffer as well.
 *
 * @returns `undefined` if this is no such answer, as within somebody's open MULTI.
 */
export function parseReplication(text: unknown): Replication | undefined {
  if (typeof text !== 'string') return undefined
  const fact = (name: string): string | undefined => new RegExp(`^${name}:([^\\r\\n]*)`, 'm').exec(text)?.[1]
  const replid = fact('master_replid')
  const role = fact('role')
  const offset = offsetOf(fact(role === 'master' ? 'master_repl_offset' : 'slave_repl_offset'))
  if (replid === undefined || offset === undefined || (role !== 'master' && role !== 'slave')) {
    return undefined
  }
  const before = fact('master_replid2')
  const end = offsetOf(fact('second_repl_offset'))
  const previous = before === undefined || end === undefined ? undefined : { replid: before, end }
  const isConnected =
    role === 'master' ||
    (fact('master_link_status') === 'up' && (fact('master_sync_in_progress') ?? '0') === '0')
  return { role: role === 'master' ? 'primary' : 'replica', replid, offset, previous, isConnected }
}

/** `-1` stands for none. */
function offsetOf(text: string | undefined): bigint | undefined {
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : undefined
}
