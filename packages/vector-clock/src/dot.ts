/** One event: the `counter`-th of `node`. */
export interface Dot {
  /** Where it happened: a non-empty well-formed string, unique to one writer. */
  readonly node: string
  /** Which of that node's events it is, from 1. */
  readonly counter: number
}

/** How two histories relate: `before` means that the other has seen all of this one, and more. */
export type Ordering = 'before' | 'after' | 'equal' | 'concurrent'

/** Of ES2024; every Node and browser that has the rest of what is used here has it. */
interface Text {
  isWellFormed(): boolean
}

/**
 * True for what may name a node. UTF-8 cannot carry half a pair: two ids that differ in it would become one.
 *
 * @internal
 */
export function isNode(node: unknown): node is string {
  return typeof node === 'string' && node !== '' && (node as string & Text).isWellFormed()
}

/** True for a whole number from 1 to 2^53 − 1. */
export function isCounter(counter: unknown): counter is number {
  return Number.isSafeInteger(counter) && (counter as number) > 0
}

/**
 * The name. @throws TypeError if it may not name anything.
 *
 * @internal
 */
export function checkName(what: string, name: unknown): string {
  if (isNode(name)) return name
  throw new TypeError(`${what} must be a non-empty well-formed string, got ${JSON.stringify(name)}`)
}

/** @throws TypeError if it is not a node id. */
export const checkNode = (node: string): string => checkName('A node id', node)

/** The node of a clock's options. @throws TypeError if it is not a node id, or there are none. */
export const nodeOf = (options: { readonly node: string } | null | undefined): string =>
  checkName('node', options?.node)

/** The counter. @throws TypeError or RangeError if one of the two is not what it should be. */
export function checkDot(node: string, counter: number): number {
  checkNode(node)
  if (isCounter(counter)) return counter
  throw new RangeError(`A counter must be from 1 to 2^53 - 1, got ${String(counter)} for ${node}`)
}
