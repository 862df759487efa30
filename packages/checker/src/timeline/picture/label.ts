import type { Operation } from '../../operation.ts'
import type { Kind } from './picture.ts'
import { shorten, showValue } from './text.ts'

const READS = new Set(['read', 'get', 'r'])
const WRITES = new Set(['write', 'put', 'append', 'add', 'enqueue', 'set', 'delete', 'release'])
const MAX_LABEL = 40

type Step = readonly [op: string, key: unknown, value: unknown]

/** The steps of a transaction, with what its reads saw if that is known; `undefined` if it is none. */
export function stepsOf({ op, input, output, status }: Operation): readonly Step[] | undefined {
  const steps: unknown = status === 'ok' && Array.isArray(output) ? output : input
  if (op !== 'txn' || !Array.isArray(steps)) return undefined
  return steps.every((step) => Array.isArray(step)) ? (steps as unknown as readonly Step[]) : undefined
}

/** Only looks at, only changes, or both. */
export function kindOf(operation: Operation): Kind {
  const steps = stepsOf(operation)
  if (steps !== undefined) {
    const reads = steps.filter(([op]) => READS.has(op)).length
    return reads === steps.length ? 'read' : reads === 0 ? 'write' : 'both'
  }
  return READS.has(operation.op) ? 'read' : WRITES.has(operation.op) ? 'write' : 'both'
}

/**
 * An operation in a few words: `write 3`, `read → 3`, `cas 1→4`, `r x→1 w y=2`; `✗` if it had no effect,
 * `?` if nobody knows.
 */
export function labelOf(operation: Operation, withKey: boolean): string {
  const { op, input, output, status, key } = operation
  const steps = stepsOf(operation)
  const failedCas = op === 'cas' && output === false
  const mark = status === 'fail' || failedCas ? ' ✗' : status === 'unknown' ? ' ?' : ''
  if (steps !== undefined) return shorten(steps.map(showStep).join(' '), MAX_LABEL) + mark
  const parts = [op]
  if (withKey && key !== undefined) parts.push(showValue(key))
  if (op === 'cas' && Array.isArray(input)) {
    return shorten(`${parts.join(' ')} ${input.map((value) => showValue(value)).join('→')}`, MAX_LABEL) + mark
  }
  const reads = kindOf(operation) === 'read'
  if (!reads && input !== undefined && input !== null) parts.push(showValue(input))
  const answers = reads || (kindOf(operation) === 'both' && output !== null && output !== input)
  if (status === 'ok' && answers && output !== undefined) parts.push(`→ ${showValue(output)}`)
  return shorten(parts.join(' '), MAX_LABEL) + mark
}

function showStep([op, key, value]: Step): string {
  const name = showValue(key, 16)
  if (op === 'append') return `${name}+=${showValue(value, 12)}`
  if (!READS.has(op)) return `${op} ${name}=${showValue(value, 12)}`
  return value === undefined || value === null ? `r ${name}` : `r ${name}→${showValue(value, 16)}`
}
