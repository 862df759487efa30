/**
 * Dotted version vectors: the values of a key on servers that take writes at the same time, without siblings that
 * multiply.
 * @packageDocumentation
 */
export { DvvContextError } from './errors.ts'
export { DvvSet, type Sibling } from './dvv-set.ts'
