import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { valueKey } from '../value.ts'
import { at, type InvariantOptions, listOf, mustBeNamed, Report } from './report.ts'

/** Answer of {@link checkExactlyOnce}: numbers of distinct ids. */
export interface ExactlyOnceResult extends CheckResult {
  readonly requested: number
  readonly once: number
  readonly never: number
  readonly twice: number
}

interface Request {
  readonly attempts: Operation[]
  /** Operations that showed an effect, one entry for each effect. */
  readonly effects: Operation[]
  /** May there have been an effect that no operation showed? */
  maybeMore: boolean
}

/**
 * Each acknowledged `request` had its effect exactly once, however often it was sent: one charge, one mail, one row.
 * A request is known by its `key`, else by its `input`; attempts with one id are one request. Effects are seen
 * either as they happen (`effect`, with the same id) or in a `read` of the whole ledger, a list of ids; the last read
 * counts. An effect that is missing without a later read is `unknown`, because it may be under way; so is one that may
 * have come twice, because an `effect` crashed.
 *
 * @throws HistoryContentError for an operation other than `request`, `effect` and `read`, or a read that saw no list.
 */
export function checkExactlyOnce(history: History, options?: InvariantOptions): ExactlyOnceResult {
  const promise = 'exactly-once effects'
  mustBeNamed(history, promise, ['request', 'effect', 'read'])
  const report = new Report(promise, options)
  const requests = new Map<string, Request>()
  const requestOf = (id: string): Request => {
    let request = requests.get(id)
    if (request === undefined) requests.set(id, (request = { attempts: [], effects: [], maybeMore: false }))
    return request
  }
  let ledger: Operation | undefined
  for (const operation of history.operations) {
    if (operation.op === 'request') requestOf(idOf(operation)).attempts.push(operation)
    else if (operation.status === 'ok' && operation.op === 'read') {
      if (ledger === undefined || operation.end > ledger.end) ledger = operation
    } else if (operation.op === 'effect' && operation.status === 'ok')
      requestOf(idOf(operation)).effects.push(operation)
    else if (operation.op === 'effect' && operation.status === 'unknown')
      requestOf(idOf(operation)).maybeMore = true
  }
  if (ledger !== undefined) {
    for (const request of requests.values()) {
      request.effects.length = 0
      request.maybeMore = false // the ledger knows
    }
    for (const id of listOf(ledger, 'the ledger')) requestOf(valueKey(id)).effects.push(ledger)
  }
  const counts = { requested: 0, once: 0, never: 0, twice: 0 }
  const doubt = { open: 0, maybeTwice: 0 }
  for (const [id, request] of requests) judge(id, request, ledger, report, counts, doubt)
  const nothing = counts.requested === 0 ? 'nothing was requested' : undefined
  const { open, maybeTwice } = doubt
  const unknown =
    open > 0
      ? `${open} acknowledged requests show no effect yet, and no read of the ledger follows`
      : maybeTwice > 0
        ? `${maybeTwice} effects may have come twice, for an effect of theirs crashed; read the ledger`
        : nothing
  return { ...report.result({ operations: history.operations.length, ...counts }, unknown), ...counts }
}

function judge(
  id: string,
  { attempts, effects, maybeMore }: Request,
  ledger: Operation | undefined,
  report: Report,
  counts: { requested: number; once: number; never: number; twice: number },
  doubt: { open: number; maybeTwice: number },
): void {
  const indices = [...effects, ...attempts].map(({ index }) => index)
  const operations = [...new Set(indices)]
  if (attempts.length > 0) counts.requested++
  if (effects.length === 1) counts.once++
  else if (effects.length > 1) counts.twice++
  else counts.never++
  if (effects.length > 1) {
    const message = `the effect of ${id} happened ${effects.length} times, seen in ${[...new Set(effects.map(at))].join(', ')}`
    report.add({ name: 'duplicate-effect', message, operations })
  }
  const seen = effects[0]
  const begun = attempts.filter(({ start }) => seen !== undefined && start < seen.end)
  if (seen !== undefined && begun.every(({ status }) => status === 'fail')) {
    const why = begun.length === 0 ? 'nobody had requested it' : 'every attempt had failed'
    report.add({ name: 'phantom-effect', message: `${id} had an effect, but ${why}`, operations })
  }
  if (effects.length === 1 && maybeMore) doubt.maybeTwice++
  const answered = attempts.filter(({ status }) => status === 'ok')
  if (effects.length > 0 || answered.length === 0) return
  const acknowledged = answered.find(({ end }) => ledger !== undefined && end < ledger.start)
  if (ledger === undefined || acknowledged === undefined) {
    doubt.open++
    return
  }
  report.add({
    name: 'lost-effect',
    message: `${at(acknowledged)} acknowledged ${id}, but ${at(ledger)} shows no effect`,
    operations: [ledger.index, acknowledged.index],
  })
}

function idOf(operation: Operation): string {
  const id = operation.key ?? operation.input
  if (id !== undefined && id !== null) return valueKey(id)
  throw new HistoryContentError(
    operation.index,
    `a ${operation.op} needs an id, as its key or input`,
    operation.line,
  )
}
