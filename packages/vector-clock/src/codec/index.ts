/**
 * What the encodings of this package and of `@quorate/crdt` share: the byte reader and writer, and checks.
 * @packageDocumentation
 * @experimental
 */
export { ByteReader, ByteWriter } from '../bytes.ts'
export { checkName, isNode } from '../dot.ts'
export { brand, entriesOf } from '../errors.ts'
