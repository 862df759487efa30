import type { ClusterOptions } from '@quorate/local-cluster'
import { postgresRegisters } from './postgres-registers.ts'
import { redisRegisters } from './redis-registers.ts'
import type { MakeRegisters, Place } from './registers.ts'

/** The session guarantees of Terry et al. (PDIS 1994). */
export type Guarantee = (typeof GUARANTEES)[number]

export const GUARANTEES = [
  'read-your-writes',
  'monotonic-reads',
  'monotonic-writes',
  'writes-follow-reads',
] as const

/** What is promised to somebody who reads from these places. */
export interface Claim {
  /** Where reads go: each to any of these. */
  readonly reads: readonly Place[]
  /** Is every history linearizable? `false`: the run must find one that is not. */
  readonly linearizable: boolean
  /** Session guarantees that the run must find broken; all others must hold. */
  readonly broken: readonly Guarantee[]
}

/** A way to run a server with a replica, and what it promises. */
export interface Setting {
  readonly name: string
  readonly engine: 'postgres' | 'redis'
  /** What the promise rests on. */
  readonly how: string
  readonly cluster: ClusterOptions
  readonly registers: MakeRegisters
  /**
   * How to show surely what is broken: replication is cut (with a write that is answered, or one that is not); the
   * replica shows nothing new; only what it answers is cut, so that it is ahead of its primary; the primary is
   * killed and restarted.
   */
  readonly provoke:
    | 'stale replica'
    | 'unanswered write'
    | 'paused replay'
    | 'replica ahead'
    | 'killed primary'
  readonly claims: readonly Claim[]
}

// One server is killed by SIGKILL, not the machine: what it has handed to the system is there when it restarts, with
// fsync or without.
export const SETTINGS: readonly Setting[] = [
  {
    name: 'postgres async',
    engine: 'postgres',
    how: 'commits are in the WAL before the answer (synchronous_commit = on, no synchronous standby)',
    cluster: { postgres: { main: { replicas: 1 } } },
    registers: postgresRegisters,
    provoke: 'stale replica',
    claims: [
      { reads: ['primary'], linearizable: true, broken: [] },
      { reads: ['replica'], linearizable: false, broken: ['read-your-writes'] },
      {
        reads: ['primary', 'replica'],
        linearizable: false,
        broken: ['read-your-writes', 'monotonic-reads'],
      },
    ],
  },
  {
    name: 'postgres synchronous',
    engine: 'postgres',
    how: 'a commit is answered when the replica has it on disk, shown or not (synchronous_commit = on, ANY 1)',
    cluster: { postgres: { main: { replicas: 1, synchronous: true } } },
    registers: postgresRegisters,
    provoke: 'paused replay',
    claims: [
      { reads: ['primary'], linearizable: true, broken: [] },
      { reads: ['replica'], linearizable: false, broken: ['read-your-writes'] },
      {
        reads: ['primary', 'replica'],
        linearizable: false,
        broken: ['read-your-writes', 'monotonic-reads'],
      },
    ],
  },
  {
    name: 'postgres remote_apply',
    engine: 'postgres',
    how: 'a commit is answered when the replica shows it (synchronous_commit = remote_apply, ANY 1)',
    cluster: {
      postgres: {
        main: { replicas: 1, synchronous: true, settings: { synchronous_commit: 'remote_apply' } },
      },
    },
    registers: postgresRegisters,
    provoke: 'replica ahead',
    claims: [
      { reads: ['primary'], linearizable: true, broken: [] },
      { reads: ['replica'], linearizable: true, broken: [] },
      // The replica shows a commit before its primary does.
      { reads: ['primary', 'replica'], linearizable: false, broken: ['monotonic-reads'] },
    ],
  },
  {
    name: 'redis',
    engine: 'redis',
    how: 'writes are in the append-only file before the answer (appendonly yes, appendfsync no)',
    cluster: { redis: { main: { replicas: 1, settings: { appendonly: 'yes' } } } },
    registers: redisRegisters(),
    provoke: 'stale replica',
    claims: [
      { reads: ['primary'], linearizable: true, broken: [] },
      { reads: ['replica'], linearizable: false, broken: ['read-your-writes'] },
      {
        reads: ['primary', 'replica'],
        linearizable: false,
        broken: ['read-your-writes', 'monotonic-reads'],
      },
    ],
  },
  {
    name: 'redis in memory',
    engine: 'redis',
    how: 'nothing is kept (appendonly no): what SIGKILL does to it',
    cluster: { redis: { main: { replicas: 1 } } },
    registers: redisRegisters(),
    provoke: 'killed primary',
    claims: [{ reads: ['primary'], linearizable: false, broken: ['read-your-writes', 'monotonic-reads'] }],
  },
  {
    name: 'redis WAIT 1',
    engine: 'redis',
    how: 'with the append-only file; a write waits for the replica (WAIT 1); without its answer the outcome is unknown',
    cluster: { redis: { main: { replicas: 1, settings: { appendonly: 'yes' } } } },
    registers: redisRegisters({ wait: 1 }),
    provoke: 'unanswered write',
    claims: [
      { reads: ['primary'], linearizable: true, broken: [] },
      { reads: ['replica'], linearizable: true, broken: [] },
      // The primary shows a write before its replica does.
      { reads: ['primary', 'replica'], linearizable: false, broken: ['monotonic-reads'] },
    ],
  },
]
