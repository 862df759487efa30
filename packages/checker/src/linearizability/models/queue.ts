import type { Operation } from '../../operation.ts'
import { sameValue, valueKey } from '../../value.ts'
import type { InitialOptions, Model } from '../model.ts'
import { decidedBy } from '../model-decision.ts'
import { decideUniqueElements } from '../unique-elements.ts'
import { unknownOperation, wrongContent } from './content.ts'

/**
 * A first-in-first-out queue: `enqueue` puts its input at the end, `dequeue` takes what is first; its output is
 * `null` if there was nothing, so `null` is no element. Starts empty, or with the elements of `initial`. One queue per key.
 *
 * Put each element in once, and the check takes time linear in the history. Elements that repeat, and unknown
 * dequeues on which the verdict depends, need a search: beyond some 50 operations of 5 clients it may end the budget
 * undecided.
 */
export function queue(options: InitialOptions = {}): Model<readonly unknown[]> {
  const model: Model<readonly unknown[]> = {
    name: 'queue',
    initial: options.initial,
    init(initial = []) {
      const elements: unknown = initial ?? []
      if (!Array.isArray(elements)) throw new TypeError('A queue must start with a list of elements')
      return elements
    },
    step(state, operation) {
      const { status, input, output } = operation
      if (isEnqueue(operation)) return [...state, input]
      if (status === 'unknown' || output === undefined) return state.slice(1)
      if (output === null) return state.length === 0 ? state : undefined
      return state.length > 0 && sameValue(state[0], output) ? state.slice(1) : undefined
    },
    partition: ({ key }) => key,
    isRead: (operation) => !isEnqueue(operation) && operation.status === 'ok' && operation.output === null,
    classKey(operation) {
      if (isEnqueue(operation)) return `e${valueKey(operation.input)}`
      return operation.status === 'unknown' || operation.output === undefined
        ? 'd'
        : `d${valueKey(operation.output)}`
    },
  }
  return decidedBy(model, decideUniqueElements)
}

function isEnqueue(operation: Operation): boolean {
  if (operation.op === 'enqueue') {
    if (operation.input === null || operation.input === undefined)
      wrongContent(
        operation,
        'needs an element other than null, which is what dequeue answers for an empty queue',
      )
    return true
  }
  if (operation.op === 'dequeue') return false
  return unknownOperation('queue', operation, 'enqueue and dequeue')
}
