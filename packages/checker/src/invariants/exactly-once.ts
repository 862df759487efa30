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
}

/**
 * Each acknowledged `request` had its effect exactly once, however often it was sent: one charge, one mail, one row.
 * A request is known by its `key`, else by its `input`; attempts with one id are one request. Effects are seen
 * either as they happen (`effect`, with the same id) or in a `read` of the whole ledger, a list of ids; the last read
 * counts. Without a read a missing effect is `unknown`, because it may be under way.
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
    if (request === undefined) requests.set(id, (request = { attempts: [], effects: [] }))
    return request
  }
  let ledger: Operation | undefined
  for (const operation of history.operations) {
    if (operation.op === 'request') requestOf(idOf(operation)).attempts.push(operation)
    else if (operation.status === 'ok' && operation.op === 'read') {
      if (ledger === undefined || operation.end > ledger.end) ledger = operation
    } else if (operation.status === 'ok') requestOf(idOf(operation)).effects.push(operation)
  }
  if (ledger !== undefined) {
    for (const request of requests.values()) request.effects.length = 0
    for (const id of listOf(ledger, 'the ledger')) requestOf(valueKey(id)).effects.push(ledger)
  }
  const counts = { requested: 0, once: 0, never: 0, twice: 0 }
  let open = 0
  for (const [id, request] of requests) open += judge(id, request, ledger, report, counts)
  const nothing = counts.requested === 0 ? 'nothing was requested' : undefined
  const unknown =
    open > 0 ? `${open} acknowledged requests show no effect yet, and no read of the ledger follows` : nothing
  return { ...report.result({ operations: history.operations.length, ...counts }, unknown), ...counts }
}

function judge(
  id: string,
  { attempts, effects }: Request,
  ledger: Operation | undefined,
  report: Report,
  counts: { requested: number; once: number; never: number; twice: number },
): number {
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
  const possible = attempts.some((attempt) => attempt.status !== 'fail')
  if (effects.length > 0 && !possible) {
    const why = attempts.length === 0 ? 'nobody requested it' : 'every attempt had failed'
    report.add({ name: 'phantom-effect', message: `${id} had an effect, but ${why}`, operations })
  }
  const acknowledged = attempts.find(({ status }) => status === 'ok')
  if (effects.length > 0 || acknowledged === undefined) return 0
  if (ledger === undefined) return 1
  if (acknowledged.end > ledger.start) return 0
  report.add({
    name: 'lost-effect',
    message: `${at(acknowledged)} acknowledged ${id}, but ${at(ledger)} shows no effect`,
    operations: [ledger.index, acknowledged.index],
  })
  return 0
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
