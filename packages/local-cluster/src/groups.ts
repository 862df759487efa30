import type { Link } from '@quorate/chaos'
import { WrongServerStateError } from './errors.ts'
import type { ServerNode } from './host/server-node.ts'
import type { PostgresMembers } from './postgres/members.ts'
import { PostgresHandle, type PostgresReplica, type PostgresServer } from './postgres/server.ts'
import type { RedisMembers } from './redis/members.ts'
import type { Member, PromoteOptions, ReplicaSet } from './replica-set.ts'
import { RedisHandle, type RedisReplica, type RedisServer } from './redis/server.ts'

/** `N` items if the number is known to the compiler, else any number of them. */
export type Many<T, N> = N extends number ? (number extends N ? readonly T[] : Counted<T, N>) : readonly []
type Counted<T, N extends number, Made extends readonly T[] = readonly []> = Made['length'] extends N | 16
  ? Made['length'] extends N
    ? Made
    : readonly T[]
  : Counted<T, N, readonly [...Made, T]>

/** A server by its present role: `primary`, or `replica-1` for the first of `replicas`. */
export type RoleName = 'primary' | `replica-${number}`

/** What groups of both engines have. */
export interface Group<Server, Replicas> {
  readonly name: string
  /** Whoever is primary now. Ask again after a promotion, or hold on to a server by keeping the object. */
  readonly primary: Server
  /** In order; after `promote(i)` the old primary stands at `i`. */
  readonly replicas: Replicas
  /**
   * Fail-over: kills the primary if it runs, makes the replica primary, lets the others follow it and
   * brings the old primary back as a fresh clone. What had not reached the replica is lost, as in
   * production; `replicas[i].caughtUp()` before, if a test wants nothing lost. The links are new ones
   * afterwards, without the faults of the old ones; a cut between regions still holds.
   *
   * @param index which of `replicas`, from 0.
   * @throws RangeError if there is no such replica, WrongServerStateError if it does not run.
   * @throws NotReadyInTimeError if others cannot follow, as across a cut; the new primary takes writes then.
   */
  promote(index: number, options?: PromoteOptions): Promise<void>
  /**
   * The wire by which a replica reaches its primary, in either order of names. The replica is its
   * `from` side: `direction: 'from'` is where the data flows.
   *
   * @throws RangeError for a role that is not there, WrongServerStateError if the cluster has no links.
   */
  link(one: RoleName, other: RoleName): Link
}

/** A Postgres primary and its replicas. */
export type PostgresGroup<Replicas = readonly PostgresReplica[]> = Group<PostgresServer, Replicas>
/** A Redis primary and its replicas. */
export type RedisGroup<Replicas = readonly RedisReplica[]> = Group<RedisServer, Replicas>

/** The public face of a Postgres group. */
export function postgresGroup(members: PostgresMembers): PostgresGroup {
  return groupOf(members, (member) => new PostgresHandle(members, member))
}

/** The public face of a Redis group. */
export function redisGroup(members: RedisMembers): RedisGroup {
  return groupOf(members, (member) => new RedisHandle(members, member))
}

function groupOf<N extends ServerNode, Handle>(
  members: ReplicaSet<N>,
  handleFor: (member: Member<N>) => Handle,
): Group<Handle, readonly Handle[]> {
  const handles = new Map(members.all.map((member) => [member, handleFor(member)]))
  const handleOf = (member: Member<N>): Handle => handles.get(member) as Handle
  return {
    name: members.name,
    get primary() {
      return handleOf(members.primary)
    },
    get replicas() {
      return members.replicas.map(handleOf)
    },
    promote: (index, options) => members.promote(index, options),
    link: (one, other) => linkBetween(members, one, other),
  }
}

function linkBetween<N extends ServerNode>(members: ReplicaSet<N>, one: RoleName, other: RoleName): Link {
  const role = one === 'primary' ? other : one
  const index = Number(/^replica-(\d+)$/.exec(role)?.[1] ?? Number.NaN) - 1
  const member = members.replicas[index]
  if (member === undefined || (one !== 'primary' && other !== 'primary')) {
    const roles = ['primary', ...members.replicas.map((_, at) => `replica-${at + 1}`)]
    throw new RangeError(
      `Cannot find the link between ${one} and ${other} of ${members.name}: ` +
        `it must be between primary and a replica, and its roles are ${roles.join(', ')}`,
    )
  }
  const link = members.linkOf(member)
  if (link !== undefined) return link
  throw new WrongServerStateError({
    server: members.name,
    action: 'find a link',
    state: 'replicating without links, or not at all',
    remedy: 'leave links: false out of the options, and restart a server that is down',
  })
}
