import type { Operation } from '../../operation.ts'
import type { InitialOptions, Model } from '../model.ts'
import { saysNothing, unknownOperation, wrongContent } from './content.ts'

/**
 * A counter: `add` (its input is the amount), `increment` and `decrement` (amount 1 without an input), and `read`.
 * Starts at 0. One counter per key.
 */
export function counter(options: InitialOptions = {}): Model<number> {
  return {
    name: 'counter',
    initial: options.initial,
    init(initial = 0) {
      const value = initial ?? 0
      if (typeof value !== 'number')
        throw new TypeError(`A counter must start at a number, got ${typeof value}`)
      return value
    },
    step(state, operation) {
      if (!isRead(operation)) return state + amountOf(operation)
      return saysNothing(operation) || operation.output === state ? state : undefined
    },
    key: String,
    partition: ({ key }) => key,
    isRead: (operation) => isRead(operation) || amountOf(operation) === 0,
    onlyIn: (operation) =>
      isRead(operation) && typeof operation.output === 'number' ? [operation.output] : undefined,
    classKey: (operation) =>
      isRead(operation)
        ? `r${saysNothing(operation) ? '' : String(operation.output)}`
        : `+${amountOf(operation)}`,
    lookahead(operations) {
      const amounts = operations.filter((operation) => !isRead(operation)).map(amountOf)
      const sign = amounts.every((amount) => amount >= 0)
        ? 1
        : amounts.every((amount) => amount <= 0)
          ? -1
          : 0
      if (sign === 0) return undefined
      return (state, read) => !isRead(read) || saysNothing(read) || sign * state <= sign * Number(read.output)
    },
  }
}

function isRead(operation: Operation): boolean {
  const { op } = operation
  if (op === 'read' || op === 'get') return true
  if (op === 'add' || op === 'increment' || op === 'decrement') return false
  return unknownOperation('counter', operation, 'add, increment, decrement and read')
}

function amountOf(operation: Operation): number {
  const { op, input } = operation
  const amount = input ?? (op === 'add' ? undefined : 1)
  if (typeof amount !== 'number' || !Number.isFinite(amount))
    return wrongContent(operation, `needs a number, got ${JSON.stringify(input)}`)
  return op === 'decrement' ? -amount : amount
}
