import type { History } from '../../history.ts'
import type { Operation } from '../../operation.ts'
import type { Model } from '../model.ts'

/**
 * The definition, tried out: every order in which no operation comes before one that had completed when it began,
 * with every choice of the unknown ones. For up to about ten operations.
 */
export function isLinearizableByBruteForce<S>(history: History, model: Model<S>, perKey = false): boolean {
  const operations = history.operations.filter(({ status }) => status !== 'fail')
  const keys = perKey ? new Set(operations.map(({ key }) => key)) : [undefined]
  const first = model.init(model.initial ?? history.initial)
  return [...keys].every((key) =>
    isAnyOrderLegal(
      operations.filter((operation) => !perKey || operation.key === key),
      model,
      first,
    ),
  )
}

function isAnyOrderLegal<S>(left: readonly Operation[], model: Model<S>, state: S): boolean {
  if (left.every(({ status }) => status === 'unknown')) return true
  return left.some((operation) => {
    if (left.some((other) => other.status === 'ok' && other.end < operation.start)) return false
    const next = model.step(state, operation)
    return (
      next !== undefined &&
      isAnyOrderLegal(
        left.filter((other) => other !== operation),
        model,
        next,
      )
    )
  })
}

/**
 * Is an order a proof: legal for the model, against no real-time order, with every completed operation in it and
 * nothing twice?
 */
export function isProof<S>(history: History, model: Model<S>, order: readonly number[]): boolean {
  if (new Set(order).size !== order.length) return false
  const placed = new Set(order)
  if (history.operations.some(({ index, status }) => status === 'ok' && !placed.has(index))) return false
  return isLegal(history, model, order)
}

/** Is an order legal for the model, against no real-time order, with nothing left out that had completed before? */
export function isLegal<S>(history: History, model: Model<S>, order: readonly number[]): boolean {
  let state = model.init(model.initial ?? history.initial)
  let latestStart = -Infinity
  for (const index of order) {
    const operation = history.operations[index]!
    if (operation.status === 'fail') return false
    const end = operation.status === 'ok' ? operation.end : Infinity
    if (end < latestStart) return false
    latestStart = Math.max(latestStart, operation.start)
    const next = model.step(state, operation)
    if (next === undefined) return false
    state = next
  }
  return true
}
