import { HistoryContentError } from '../../errors.ts'
import type { Operation } from '../../operation.ts'

/** @throws HistoryContentError always. */
export function unknownOperation(model: string, { index, op, line }: Operation, known: string): never {
  throw new HistoryContentError(
    index,
    `a ${model} has no operation ${JSON.stringify(op)}; it has ${known}`,
    line,
  )
}

/** @throws HistoryContentError always. */
export function wrongContent({ index, op, line }: Operation, reason: string): never {
  throw new HistoryContentError(index, `${op} ${reason}`, line)
}

/** `[old, new]` of a compare-and-set; nothing counts as `null`, as in a write. */
export function casInput(operation: Operation): readonly [unknown, unknown] {
  const { input } = operation
  if (!Array.isArray(input) || input.length !== 2)
    wrongContent(operation, `needs the input [old, new], got ${JSON.stringify(input)}`)
  const [from, to] = input as unknown as readonly [unknown, unknown]
  return [from ?? null, to ?? null]
}

/** Did a compare-and-set compare unequal? */
export const comparedUnequal = ({ status, output }: Operation): boolean => status === 'ok' && output === false

/** Is this a read whose answer is not known? It says nothing. */
export const saysNothing = ({ status, output }: Operation): boolean =>
  status === 'unknown' || output === undefined
