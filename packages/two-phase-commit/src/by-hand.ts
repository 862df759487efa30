import type { Clock } from '@quorate/core'
import { Deadline } from './deadline.ts'
import { OverrideRefusedError, OverrideUnfinishedError, ParticipantUnavailableError } from './errors.ts'
import type { Decision } from './machine.ts'
import { formatGid } from './names.ts'
import type { TransactionStatus } from './options.ts'
import { checkNamed } from './postgres/boot.ts'
import { finishPrepared } from './postgres/branch.ts'
import type { DecisionLog } from './postgres/decision-log.ts'
import type { PgPool } from './postgres/port.ts'
import { findPrepared } from './recovery.ts'

/** Whom to ask. */
export interface Servers {
  readonly log: DecisionLog
  readonly pools: ReadonlyMap<string, PgPool>
  readonly clock: Clock
}

const unavailable = (participant: string, cause: unknown): never => {
  throw cause instanceof ParticipantUnavailableError
    ? cause
    : new ParticipantUnavailableError(participant, cause)
}

/**
 * All transactions that have left traces.
 *
 * @throws ParticipantUnavailableError if a server does not answer; NotPrimaryError, SameDatabaseError.
 */
export async function statusesOf(
  { log, pools, clock }: Servers,
  deadline: Deadline,
): Promise<readonly TransactionStatus[]> {
  const logName = await log.name(deadline)
  await checkNamed(pools, deadline, unavailable)
  // The records last: what commits in between is then seen at least once.
  const prepared = await preparedOn({ pools, clock }, logName, deadline, unavailable)
  const records = new Map((await log.records(deadline)).map((record) => [record.id, record]))
  const ids = [...new Set([...prepared.keys(), ...records.keys()])].toSorted()
  return ids.map((id) => {
    const found = prepared.get(id) ?? new Map<string, number>()
    const record = records.get(id)
    const ageMs = Math.max(record?.ageMs ?? 0, ...found.values())
    return { id, decision: record?.decision, prepared: [...found.keys()], ageMs }
  })
}

function preparedOn(
  { pools, clock }: Omit<Servers, 'log'>,
  logName: string,
  deadline: Deadline,
  failed: (participant: string, error: unknown) => void,
): ReturnType<typeof findPrepared> {
  const newDeadline = (): Deadline => new Deadline(clock, Infinity, () => new Error('never'), deadline.signal)
  return findPrepared({ logName, pools }, newDeadline, failed)
}

/** What a person decides. */
export interface ByHand {
  readonly id: string
  readonly decision: Decision
  readonly force: boolean
  readonly note: string | undefined
  readonly lockMs: number
}

/**
 * Carries out a person's decision where the transaction is prepared, and notes it before that. A server that does not
 * answer is told by recovery later, which goes by the record; so it must answer if the decision is against that.
 *
 * @throws OverrideRefusedError unless the record agrees, or has nothing against an abort, or `force` is set.
 * @throws ParticipantUnavailableError, NotPrimaryError, SameDatabaseError.
 * @throws OverrideUnfinishedError for a failure after the first write was sent.
 */
export async function decideByHand(
  { log, pools, clock }: Servers,
  { id, decision, force, note, lockMs }: ByHand,
  deadline: Deadline,
): Promise<{ readonly recorded: Decision | undefined; readonly told: readonly string[] }> {
  const logName = await log.name(deadline)
  // Who is away is told later. One that does not even refuse must leave time for what is to be done.
  const away = new Map<string, unknown>()
  const halfMs = (deadline.atMs - clock.monotonic()) / 2
  using soon = new Deadline(clock, halfMs, () => new Error('no answer'), deadline.signal)
  await checkNamed(pools, soon, (participant, error) => void away.set(participant, error))
  const there = new Map([...pools].filter(([participant]) => !away.has(participant)))
  const told: string[] = []
  const unfinished = (cause: unknown): never => {
    throw new OverrideUnfinishedError(id, decision, told, cause)
  }
  // An abort closes the register first, so that the coordinator cannot commit meanwhile.
  const recorded =
    decision === 'abort'
      ? (await log.settle(id, lockMs, deadline).catch(unfinished)).decision
      : await log.decisionOf(id, lockMs, deadline)
  const agrees = recorded === decision || (decision === 'abort' && recorded === undefined)
  if (!agrees && !force) throw new OverrideRefusedError(id, decision, recorded)
  const isAway = (participant: string, error: unknown): void => {
    if (!agrees) unavailable(participant, error)
  }
  for (const [participant, error] of away) isAway(participant, error)
  const prepared = await preparedOn({ pools: there, clock }, logName, deadline, isAway)
  await log.override({ id, decision, recorded, forced: force, note }, deadline).catch(unfinished)
  for (const participant of prepared.get(id)?.keys() ?? []) {
    const pool = there.get(participant)
    if (pool === undefined) continue
    const gid = formatGid(logName, id, participant)
    await finishPrepared(pool, gid, decision, deadline, true).catch(unfinished)
    told.push(participant)
  }
  return { recorded, told }
}
