import type { Operation } from '../../operation.ts'
import { valueKey } from '../../value.ts'
import type { InitialOptions, Model } from '../model.ts'
import { saysNothing, unknownOperation, wrongContent } from './content.ts'

/** Elements by their `valueKey`. */
type Elements = ReadonlySet<string>
type Kind = 'read' | 'contains' | 'add' | 'remove'

/**
 * A set: `add` and `remove` an element; `read` answers all elements in any order, `contains` answers whether
 * its input is one. Starts empty, or with the elements of `initial`. One set per key.
 */
export function set(options: InitialOptions = {}): Model<Elements> {
  return {
    name: 'set',
    initial: options.initial,
    init(initial = []) {
      if (!Array.isArray(initial ?? [])) throw new TypeError('A set must start with a list of elements')
      return new Set((initial as unknown[] | null)?.map(valueKey))
    },
    step(state, operation) {
      const { input, output } = operation
      const kind = kindOf(operation)
      switch (kind) {
        case 'read': {
          if (saysNothing(operation)) return state
          const seen = elementsOf(operation)
          return seen.size === state.size && isSubset(state, seen) ? state : undefined
        }
        case 'contains':
          return saysNothing(operation) || output === state.has(valueKey(input)) ? state : undefined
        case 'add':
          return state.has(valueKey(input)) ? state : new Set(state).add(valueKey(input))
        case 'remove': {
          if (!state.has(valueKey(input))) return state
          const rest = new Set(state)
          rest.delete(valueKey(input))
          return rest
        }
        default:
          return kind satisfies never
      }
    },
    key: (state) => [...state].toSorted().join(),
    partition: ({ key }) => key,
    isRead: (operation) => isReading(kindOf(operation)),
    onlyIn: (operation) =>
      kindOf(operation) === 'read' && !saysNothing(operation) ? [elementsOf(operation)] : undefined,
    classKey(operation) {
      const kind = kindOf(operation)
      if (!isReading(kind)) return kind + valueKey(operation.input)
      if (saysNothing(operation)) return '?'
      if (kind === 'read') return kind + [...elementsOf(operation)].toSorted().join()
      return `${kind}${String(operation.output)}${valueKey(operation.input)}`
    },
    lookahead(operations) {
      if (operations.some((operation) => kindOf(operation) === 'remove')) return undefined
      const elements = new Map<Operation, Elements>()
      return (state, read) => {
        if (saysNothing(read)) return true
        if (kindOf(read) === 'contains') return read.output === true || !state.has(valueKey(read.input))
        let seen = elements.get(read)
        if (seen === undefined) elements.set(read, (seen = elementsOf(read)))
        return isSubset(state, seen)
      }
    },
    describe: (state) => `{${[...state].join(', ')}}`,
  }
}

function kindOf(operation: Operation): Kind {
  const { op } = operation
  if (op === 'read' || op === 'contains' || op === 'add' || op === 'remove') return op
  return unknownOperation('set', operation, 'add, remove, read and contains')
}

const isReading = (kind: Kind): boolean => kind === 'read' || kind === 'contains'

function elementsOf(operation: Operation): Elements {
  if (operation.output === null) return new Set()
  if (!Array.isArray(operation.output))
    return wrongContent(
      operation,
      `needs a list of elements as output, got ${JSON.stringify(operation.output)}`,
    )
  return new Set(operation.output.map(valueKey))
}

function isSubset(small: Elements, large: Elements): boolean {
  for (const element of small) if (!large.has(element)) return false
  return true
}
