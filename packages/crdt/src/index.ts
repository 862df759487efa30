/**
 * State- and delta-based CRDTs for services: edits made anywhere, in any order, always merge.
 * @packageDocumentation
 */
export { ClockDriftError, DecodeError } from '@quorate/vector-clock'
export {
  createTwoPhaseSet,
  decodeTwoPhaseSet,
  type TwoPhaseSet,
  type TwoPhaseSetDelta,
  twoPhaseSetFromJSON,
} from './2p-set.ts'
export type { BoundedCounterJson, BoundedRowJson } from './bounded-codec.ts'
export {
  type BoundedCounter,
  boundedCounterFromJSON,
  type BoundedCounterOptions,
  createBoundedCounter,
  decodeBoundedCounter,
} from './bounded-counter.ts'
export type { BoundedCounterDelta } from './bounded-delta.ts'
export type { Claim, Right, Rights } from './bounded-rows.ts'
export {
  type Cart,
  type CartDelta,
  cartFromJSON,
  type CartItem,
  createCart,
  decodeCart,
  MAX_QUANTITY,
} from './cart.ts'
export type { Counting } from './counting.ts'
export type { CountsJson } from './counts-codec.ts'
export type { Crdt, CrdtType, Delta, MergeSource, ReplicaOptions } from './crdt.ts'
export { chooseDonors, type Donation } from './donors.ts'
export type { Dotted } from './dotted.ts'
export { createDwFlag, decodeDwFlag, type DwFlag, type DwFlagDelta, dwFlagFromJSON } from './dw-flag.ts'
export type { SetElement } from './element.ts'
export { DuplicateReplicaError, InvalidValueError, RetiredReplicaError, type ValueIssue } from './errors.ts'
export { createEwFlag, decodeEwFlag, type EwFlag, type EwFlagDelta, ewFlagFromJSON } from './ew-flag.ts'
export type { FragmentJson } from './fragment-codec.ts'
export {
  createGCounter,
  decodeGCounter,
  type GCounter,
  type GCounterDelta,
  gCounterFromJSON,
  type GCounterJson,
} from './g-counter.ts'
export { createGSet, decodeGSet, type GSet, type GSetDelta, gSetFromJSON } from './g-set.ts'
export {
  createLwwMap,
  decodeLwwMap,
  type LwwMap,
  type LwwMapDelta,
  lwwMapFromJSON,
  type LwwMapOptions,
} from './lww-map.ts'
export {
  createLwwRegister,
  decodeLwwRegister,
  type LwwRegister,
  type LwwRegisterDelta,
  lwwRegisterFromJSON,
  type LwwRegisterOptions,
} from './lww-register.ts'
export type { CartHandle, SetHandle } from './map/element-handles.ts'
export {
  type CartField,
  type ConflictsField,
  type Container,
  type CounterField,
  type Field,
  field,
  type FieldOf,
  type FlagField,
  type MapField,
  type RecordField,
  type SetField,
  type Shape,
  type ValueField,
  type ValueOf,
} from './map/field.ts'
export type { Handle, OrMapDelta } from './map/handle.ts'
export type { ConflictsHandle, CounterHandle, FlagHandle, ValueHandle } from './map/leaf-handles.ts'
export type { FieldAt, HandleOf, MapHandle, NameOf } from './map/map-handle.ts'
export { MAX_MAP_DEPTH, MAX_MAP_PATH } from './map/path.ts'
export {
  createMvRegister,
  decodeMvRegister,
  type MvRegister,
  type MvRegisterDelta,
  mvRegisterFromJSON,
  type MvRegisterOptions,
} from './mv-register.ts'
export {
  createOrMap,
  decodeOrMap,
  type OrMap,
  orMapFromJSON,
  type OrMapOf,
  type OrMapOptions,
} from './or-map.ts'
export { createOrSet, decodeOrSet, type OrSet, type OrSetDelta, orSetFromJSON } from './or-set.ts'
export {
  createPnCounter,
  decodePnCounter,
  type PnCounter,
  type PnCounterDelta,
  pnCounterFromJSON,
  type PnCounterJson,
} from './pn-counter.ts'
export { createRwSet, decodeRwSet, type RwSet, type RwSetDelta, rwSetFromJSON } from './rw-set.ts'
export type { SchemaResult, StandardSchema, ValueOptions } from './schema.ts'
export type { StampOptions } from './stamped.ts'
export type { TextChange, TextChangeEvent, TextListener } from './text/changes.ts'
export { createText, decodeText, textFromJSON } from './text/create-text.ts'
export type { CursorSide, TextCursor, TextCursorJson } from './text/cursor.ts'
export type { TextDelta } from './text/delta.ts'
export { PendingOverflowError, TextHistoryError } from './text/errors.ts'
export type { CharacterJson, TextEditJson, TextJson } from './text/text-json.ts'
export type { TextOptions } from './text/options.ts'
export type { Text } from './text/text.ts'
export {
  type CrdtValue,
  type Frozen,
  MAX_BIGINT_BYTES,
  MAX_VALUE_DEPTH,
  MAX_VALUE_SIZE,
  type Storable,
} from './value.ts'
