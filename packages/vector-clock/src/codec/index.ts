/**
 * The byte reader and writer under the encodings of this package and of `@quorate/crdt`.
 * @packageDocumentation
 * @experimental
 */
export { ByteReader, ByteWriter } from '../bytes.ts'
