import type { History } from '../../history.ts'
import type { Operation } from '../../operation.ts'
import type { Model } from '../model.ts'

/** An operation of which nobody knows whether it happened; if it did, then between its start and its end. */
type Maybe = ReadonlySet<number>
const NONE: Maybe = new Set()

/**
 * The definition, tried out: every order in which no operation comes before one that had completed when it began,
 * with every choice of the unknown ones. For up to about ten operations.
 */
export function isLinearizableByBruteForce<S>(
  { operations, initial }: Pick<History, 'operations' | 'initial'>,
  model: Model<S>,
  perKey = false,
  forgotten: Maybe = NONE,
): boolean {
  const live = operations.filter(({ status }) => status !== 'fail')
  const keys = perKey ? new Set(live.map(({ key }) => key)) : [undefined]
  const first = model.init(model.initial ?? initial)
  return [...keys].every((key) =>
    isAnyOrderLegal(
      live.filter((operation) => !perKey || operation.key === key),
      model,
      first,
      forgotten,
    ),
  )
}

function isAnyOrderLegal<S>(
  left: readonly Operation[],
  model: Model<S>,
  state: S,
  forgotten: Maybe,
): boolean {
  if (left.every(({ status, index }) => status === 'unknown' || forgotten.has(index))) return true
  return left.some((operation) => {
    const over = left.filter(({ status, end }) => status === 'ok' && end < operation.start)
    if (!over.every(({ index }) => forgotten.has(index))) return false
    const next = model.step(state, operation)
    if (next === undefined) return false
    const rest = left.filter((other) => other !== operation && !over.includes(other))
    return isAnyOrderLegal(rest, model, next, forgotten)
  })
}

/**
 * What is known when an operation has completed: what began later does not exist, and what is open may be left out
 * (in `open`), but if it is not, its answer is the one that it got.
 */
export function historyUntil(history: History, moment: number): { history: History; open: Maybe } {
  const began = history.operations.filter(({ start }) => start <= moment)
  const open = new Set(began.filter(({ end }) => end > moment).map(({ index }) => index))
  const operations = began.map((operation) =>
    open.has(operation.index) ? { ...operation, end: Infinity } : operation,
  )
  return { history: { ...history, operations }, open }
}

/** Is an order a proof: legal, with every completed operation in it? */
export function isProof<S>(history: History, model: Model<S>, order: readonly number[]): boolean {
  const placed = new Set(order)
  return (
    history.operations.every(({ index, status, op, output }) =>
      status === 'ok' ? placed.has(index) || (output === undefined && op === 'read') : true,
    ) && isLegal(history, model, order)
  )
}

/** Is an order legal for the model, against no real-time order, and nothing in it twice? */
export function isLegal<S>(history: History, model: Model<S>, order: readonly number[]): boolean {
  if (new Set(order).size !== order.length) return false
  let state = model.init(model.initial ?? history.initial)
  let latestStart = -Infinity
  for (const index of order) {
    const operation = history.operations[index]!
    if (operation.status === 'fail' || operation.end < latestStart) return false
    latestStart = Math.max(latestStart, operation.start)
    const next = model.step(state, operation)
    if (next === undefined) return false
    state = next
  }
  return true
}
