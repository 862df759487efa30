import type { History } from '../history.ts'
import type { Key, Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { type Change, RangeOfSum } from './range-of-sum.ts'
import { at, byKey, type InvariantOptions, mustBeNamed, numberOf, Report } from './report.ts'

/** Options of {@link checkNoOversell}. */
export interface NoOversellOptions extends InvariantOptions {
  /** Units at the start: one number for every key, or by key. Default: `history.initial`. */
  readonly stock?: number | Readonly<Record<string, number>> | undefined
}

/** Answer of {@link checkNoOversell}: units by key, `''` where operations have none. */
export interface NoOversellResult extends CheckResult {
  readonly granted: Readonly<Record<string, number>>
}

/**
 * No more is given out than there is. `take` asks for `input` units (default 1) and puts out `false` if there
 * were not enough; `restock` adds units; `read` puts out what is left. Granted units never exceed what could have
 * been there, and every read lies between what must and what may have been left, never below zero.
 *
 * @throws HistoryContentError for an operation of another name or shape, or units that are no whole number.
 * @throws TypeError for a key without a stock.
 */
export function checkNoOversell(history: History, options: NoOversellOptions = {}): NoOversellResult {
  const promise = 'no oversell'
  mustBeNamed(history, promise, ['take', 'restock', 'read'])
  const report = new Report(promise, options)
  const parts = byKey(history)
  const granted: Record<string, number> = Object.create(null) as Record<string, number>
  for (const [key, part] of parts) {
    const stock = stockOf(options.stock ?? history.initial, key)
    granted[String(key ?? '')] = checkPart(part, key, stock, report)
  }
  const unknown = history.operations.length === 0 ? 'nothing was asked for' : undefined
  return { ...report.result({ operations: history.operations.length, keys: parts.size }, unknown), granted }
}

function checkPart(part: readonly Operation[], key: Key | undefined, stock: number, report: Report): number {
  const restocks: Change[] = []
  const takes: Change[] = []
  for (const operation of part) {
    if (operation.op === 'read') continue
    const units = numberOf(operation, operation.input ?? 1, 'units')
    if (operation.op === 'restock') restocks.push({ operation, by: units })
    else if (operation.output !== false) takes.push({ operation, by: -units })
  }
  const what = key === undefined ? '' : ` of ${key}`
  const supply = new RangeOfSum(stock, restocks)
  const answered = takes.filter(({ operation }) => operation.status === 'ok')
  let granted = 0
  for (const { operation, by } of answered.toSorted((a, b) => a.operation.end - b.operation.end)) {
    granted -= by
    const most = supply.during(operation.start, operation.end).high
    if (granted <= most) continue
    const all = granted
    report.add(() => {
      const others = [...answered.slice(0, 100), ...restocks.slice(0, 100)].map(
        (change) => change.operation.index,
      )
      return {
        name: 'oversell',
        message: `${at(operation)} was granted${what}, which makes ${all} units of at most ${most}`,
        operations: [operation.index, ...others.filter((index) => index !== operation.index).slice(0, 99)],
        key,
      }
    })
  }
  const left = new RangeOfSum(stock, [...restocks, ...takes])
  for (const read of part) {
    if (read.op !== 'read' || read.status !== 'ok') continue
    const seen = numberOf(read, read.output, 'what a read saw')
    const { low, high } = left.during(read.start, read.end)
    const name = seen < 0 ? 'negative-stock' : seen < low || seen > high ? 'wrong-stock' : undefined
    if (name === undefined) continue
    report.add({
      name,
      message: `${at(read)} saw ${seen} units${what} left, but there were ${Math.max(low, 0)} to ${high}`,
      operations: [read.index],
      key,
    })
  }
  return granted
}

function stockOf(stock: unknown, key: Key | undefined): number {
  const units =
    typeof stock === 'object' && stock !== null && key !== undefined && Object.hasOwn(stock, String(key))
      ? (stock as Record<string, unknown>)[String(key)]
      : stock
  if (typeof units === 'number' && units >= 0) return units
  const name = key === undefined ? 'stock' : `the stock of ${key}`
  throw new TypeError(
    `Cannot check no oversell: ${name} must be known; give it as options.stock, or as the initial value of the history (--init)`,
  )
}
