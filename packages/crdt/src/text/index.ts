/**
 * Text that several people write at once, and that comes out the same for all, in whole words.
 * @packageDocumentation
 */
export { DecodeError } from '@quorate/vector-clock'
export type { Crdt, CrdtType, Delta, MergeSource, ReplicaOptions } from '../crdt.ts'
export { DuplicateReplicaError } from '../errors.ts'
export { createText, decodeText, textFromJSON } from './create-text.ts'
export type { TextDelta } from './delta.ts'
export { PendingOverflowError } from './errors.ts'
export type { CharacterJson, TextEditJson, TextJson } from './text-json.ts'
export type { Text, TextOptions } from './text.ts'
