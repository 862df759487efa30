/**
 * Text that several people write at once, and that comes out the same for all, in whole words.
 * @packageDocumentation
 */
export { DecodeError } from '@quorate/vector-clock'
export type { Crdt, CrdtType, Delta, MergeSource, ReplicaOptions } from '../crdt.ts'
export { DuplicateReplicaError } from '../errors.ts'
export type { TextChange, TextChangeEvent, TextListener } from './changes.ts'
export { createText, decodeText, textFromJSON } from './create-text.ts'
export type { CursorSide, TextCursor, TextCursorJson } from './cursor.ts'
export type { TextDelta } from './delta.ts'
export { PendingOverflowError, TextHistoryError } from './errors.ts'
export type { CharacterJson, TextEditJson, TextJson } from './text-json.ts'
export type { TextOptions } from './options.ts'
export type { Text } from './text.ts'
