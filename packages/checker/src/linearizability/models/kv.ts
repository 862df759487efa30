import type { Operation } from '../../operation.ts'
import { sameValue, valueKey } from '../../value.ts'
import type { InitialOptions, Model } from '../model.ts'
import { casInput, comparedUnequal, saysNothing, unknownOperation, wrongContent } from './content.ts'

type Kind = 'get' | 'put' | 'append' | 'delete' | 'cas'

/**
 * A store of keys and values: `get` (or `read`), `put` (or `write`), `append` (text at the end), `delete` and `cas`
 * (input `[old, new]`). A missing key reads as `''` or `null`; both mean the same. Each key is checked apart.
 */
export function kv(options: InitialOptions = {}): Model<unknown> {
  return {
    name: 'kv',
    initial: options.initial,
    init: (initial) => initial ?? '',
    step(state, operation) {
      const { input, output } = operation
      const kind = kindOf(operation)
      switch (kind) {
        case 'get':
          return saysNothing(operation) || sameValue(state, output ?? '') ? state : undefined
        case 'put':
          return input ?? ''
        case 'append':
          if (typeof state !== 'string') return undefined
          return state + textOf(operation)
        case 'delete':
          return ''
        case 'cas': {
          const [from, to] = casInput(operation)
          if (sameValue(state, from ?? '') === comparedUnequal(operation)) return undefined
          return comparedUnequal(operation) ? state : (to ?? '')
        }
        default:
          return kind satisfies never
      }
    },
    partition: ({ key }) => key,
    isRead: (operation) =>
      kindOf(operation) === 'get' || (kindOf(operation) === 'cas' && comparedUnequal(operation)),
    isOverwrite: (operation) => kindOf(operation) === 'put' || kindOf(operation) === 'delete',
    onlyIn(operation) {
      if (kindOf(operation) === 'get') return saysNothing(operation) ? undefined : [operation.output ?? '']
      const isSet = kindOf(operation) === 'cas' && !comparedUnequal(operation)
      return isSet ? [casInput(operation)[0] ?? ''] : undefined
    },
    leadsTo: (operation) =>
      kindOf(operation) === 'cas' && !comparedUnequal(operation) ? [casInput(operation)[1] ?? ''] : undefined,
    classKey(operation) {
      const kind = kindOf(operation)
      switch (kind) {
        case 'get':
          return saysNothing(operation) ? 'g' : `g${valueKey(operation.output ?? '')}`
        case 'put':
          return `p${valueKey(operation.input ?? '')}`
        case 'append':
          return `a${textOf(operation)}`
        case 'delete':
          return 'p""'
        case 'cas': {
          const [from, to] = casInput(operation)
          return (comparedUnequal(operation) ? 'f' : 'c') + valueKey([from ?? '', to ?? ''])
        }
        default:
          return kind satisfies never
      }
    },
    lookahead(operations, initial) {
      const kinds = new Set(operations.map(kindOf))
      if (kinds.has('cas') || !kinds.has('append')) return undefined
      // Text can be appended to text only.
      const puts = operations.filter((operation) => kindOf(operation) === 'put')
      if (![initial, ...puts.map(({ input }) => input ?? '')].every((value) => typeof value === 'string'))
        return undefined
      return (state, read) =>
        saysNothing(read) ||
        (typeof state === 'string' && typeof read.output === 'string'
          ? read.output.startsWith(state)
          : sameValue(state, read.output ?? ''))
    },
  }
}

function kindOf(operation: Operation): Kind {
  const { op } = operation
  switch (op) {
    case 'get':
    case 'put':
    case 'append':
    case 'delete':
    case 'cas':
      return op
    case 'read':
      return 'get'
    case 'write':
      return 'put'
    default:
      return unknownOperation('kv', operation, 'get, put, append, delete and cas')
  }
}

function textOf(operation: Operation): string {
  const { input } = operation
  if (typeof input === 'string') return input
  return wrongContent(operation, `needs a text, got ${JSON.stringify(input)}`)
}
