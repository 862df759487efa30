import type { Operation } from '../../operation.ts'
import { sameValue, valueKey } from '../../value.ts'
import type { InitialOptions, Model } from '../model.ts'
import { casInput, comparedUnequal, saysNothing, unknownOperation } from './content.ts'

type Kind = 'read' | 'write' | 'cas'

/**
 * A register: `read` (or `get`) answers what the last `write` (or `put`) wrote. One register per key.
 * A read without an output fits every state.
 */
export function register(options: InitialOptions = {}): Model<unknown> {
  return registerModel('register', options, false)
}

/**
 * A register with `cas`: input `[old, new]`; it sets `new` if the value is `old`. Output `false` says that it
 * compared unequal, any other that it was set. One register per key.
 */
export function casRegister(options: InitialOptions = {}): Model<unknown> {
  return registerModel('cas-register', options, true)
}

function registerModel(name: string, { initial }: InitialOptions, hasCas: boolean): Model<unknown> {
  const known = hasCas ? 'read, write and cas' : 'read and write'
  const kindOf = (operation: Operation): Kind => {
    const { op } = operation
    if (op === 'read' || op === 'get') return 'read'
    if (op === 'write' || op === 'put') return 'write'
    if (op === 'cas' && hasCas) return 'cas'
    return unknownOperation(name, operation, known)
  }
  return {
    name,
    initial,
    init: (value) => value ?? null,
    step(state, operation) {
      const kind = kindOf(operation)
      switch (kind) {
        case 'read':
          return saysNothing(operation) || sameValue(state, operation.output) ? state : undefined
        case 'write':
          return operation.input ?? null
        case 'cas': {
          const [from, to] = casInput(operation)
          if (sameValue(state, from) === comparedUnequal(operation)) return undefined
          return comparedUnequal(operation) ? state : to
        }
        default:
          return kind satisfies never
      }
    },
    partition: ({ key }) => key,
    isRead: (operation) => {
      const kind = kindOf(operation)
      return kind === 'read' || (kind === 'cas' && comparedUnequal(operation))
    },
    isOverwrite: (operation) => kindOf(operation) === 'write',
    onlyIn(operation) {
      if (kindOf(operation) === 'read') return saysNothing(operation) ? undefined : [operation.output]
      return kindOf(operation) === 'cas' && !comparedUnequal(operation) ? [casInput(operation)[0]] : undefined
    },
    leadsTo: (operation) =>
      kindOf(operation) === 'cas' && !comparedUnequal(operation) ? [casInput(operation)[1]] : undefined,
    classKey(operation) {
      const kind = kindOf(operation)
      switch (kind) {
        case 'read':
          return saysNothing(operation) ? 'r' : `r${valueKey(operation.output)}`
        case 'write':
          return `w${valueKey(operation.input ?? null)}`
        case 'cas':
          return (comparedUnequal(operation) ? 'f' : 'c') + valueKey(casInput(operation))
        default:
          return kind satisfies never
      }
    },
  }
}
