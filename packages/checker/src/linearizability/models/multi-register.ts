import type { Key, MicroOperation, Operation } from '../../operation.ts'
import { sameValue, valueKey } from '../../value.ts'
import type { InitialOptions, Model } from '../model.ts'
import { saysNothing, unknownOperation, wrongContent } from './content.ts'

interface Registers {
  /** What was written, by `valueKey` of the key; the others still have their initial value. */
  readonly written: Readonly<Record<string, unknown>>
  readonly initial: (key: Key) => unknown
}

/**
 * Several registers that transactions read and write in one step. `txn` takes micro operations `['r', key, seen]`
 * and `['w', key, value]` (`read` and `write` will do as well); `read` and `write` with a key are short for one.
 * A transaction sees its own writes. Keys that no transaction connects are checked apart.
 *
 * `initial`: a plain object gives a value to each key, those not in it have `null`; anything else is for all keys.
 */
export function multiRegister(options: InitialOptions = {}): Model<Registers> {
  return {
    name: 'multi-register',
    initial: options.initial,
    init(initial = null) {
      const perKey = typeof initial === 'object' && initial !== null && !Array.isArray(initial)
      const values = new Map(perKey ? Object.entries(initial as Record<string, unknown>) : [])
      return { written: {}, initial: perKey ? (key) => values.get(String(key)) ?? null : () => initial }
    },
    step(state, operation) {
      let changed: Record<string, unknown> | undefined
      for (const [op, key, value] of stepsOf(operation)) {
        const name = valueKey(key)
        const registers = changed ?? state.written
        if (op === 'w') {
          changed ??= { ...state.written }
          changed[name] = value
        } else if (value !== undefined) {
          const now = Object.hasOwn(registers, name) ? registers[name] : state.initial(key)
          if (!sameValue(now, value)) return undefined
        }
      }
      return changed === undefined ? state : { ...state, written: changed }
    },
    key: ({ written }) => valueKey(written),
    describe: ({ written }) => `${valueKey(written)}, the others as at the start`,
    partition: (operation) => stepsOf(operation).map(([, key]) => key),
    isRead: (operation) => stepsOf(operation).every(([op]) => op === 'r'),
    classKey: (operation) => valueKey(stepsOf(operation).map(([op, key, value]) => [op, key, value])),
  }
}

/** All as `r` and `w`; a read whose answer is not known has `undefined`. */
function stepsOf(operation: Operation): readonly MicroOperation[] {
  const { op, key, input, output, status } = operation
  switch (op) {
    case 'txn': {
      const answered = status === 'ok' && Array.isArray(output)
      const steps: unknown = answered ? output : input
      if (!Array.isArray(steps))
        return wrongContent(operation, `needs a list of micro operations, got ${JSON.stringify(steps)}`)
      return steps.map((step) => microOf(operation, step, answered))
    }
    case 'read':
    case 'get':
      return [['r', keyOf(operation, key), saysNothing(operation) ? undefined : output]]
    case 'write':
    case 'put':
      return [['w', keyOf(operation, key), input ?? null]]
    default:
      return unknownOperation('multi-register', operation, 'txn, read and write')
  }
}

function microOf(operation: Operation, step: unknown, answered: boolean): MicroOperation {
  const [op, key, value] = (Array.isArray(step) ? step : []) as readonly unknown[]
  if (op === 'r' || op === 'read') return ['r', keyOf(operation, key), answered ? value : undefined]
  if (op === 'w' || op === 'write') return ['w', keyOf(operation, key), value ?? null]
  return wrongContent(
    operation,
    `needs micro operations ['r' or 'w', key, value], got ${JSON.stringify(step)}`,
  )
}

function keyOf(operation: Operation, key: unknown): Key {
  if (typeof key === 'string' || typeof key === 'number') return key
  return wrongContent(operation, 'needs a key')
}
