import type { Key, MicroOperation } from '../operation.ts'

/** Operations whose value is what came back. */
const READING: ReadonlySet<string> = new Set(['read', 'get', 'dequeue', 'drain', 'generate'])
/** Operations whose value is what was asked; a completion only repeats it. */
const WRITING: ReadonlySet<string> = new Set(['write', 'put', 'add', 'append', 'enqueue', 'transfer'])

const MICRO_NAMES: Readonly<Record<string, string>> = {
  r: 'r',
  read: 'r',
  w: 'w',
  write: 'w',
  append: 'append',
}

/** What an invocation asked with. */
export function inputOf(op: string, value: unknown): unknown {
  if (READING.has(op)) return microOperations(value) ?? undefined
  if (value === null || value === undefined) return undefined
  return op === 'txn' ? (microOperations(value) ?? value) : value
}

/** What a completion with `:ok` answered. */
export function outputOf(op: string, value: unknown): unknown {
  if (READING.has(op)) return microOperations(value) ?? (value === undefined ? null : value)
  if (WRITING.has(op)) return undefined
  if (op === 'cas') return value !== false
  if (op === 'txn') return microOperations(value) ?? value
  return value ?? undefined
}

/** `[[:r x 1] [:append y 2]]`, under its short names; `undefined` if that is not what the value is. */
export function microOperations(value: unknown): MicroOperation[] | undefined {
  if (!Array.isArray(value) || (value.length > 0 && !value.every(isMicroOperation))) return undefined
  if (value.length === 0) return undefined
  return value.map(([op, key, seen]) => [MICRO_NAMES[op] ?? op, key, seen ?? null] as const)
}

function isMicroOperation(value: unknown): value is [string, Key, unknown] {
  if (!Array.isArray(value) || value.length < 2 || value.length > 3) return false
  const [op, key] = value as unknown[]
  return (
    typeof op === 'string' &&
    Object.hasOwn(MICRO_NAMES, op) &&
    (typeof key === 'string' || typeof key === 'number')
  )
}
