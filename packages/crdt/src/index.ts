/**
 * State- and delta-based CRDTs for services: edits made anywhere, in any order, always merge.
 * @packageDocumentation
 */
export { DecodeError } from '@quorate/vector-clock'
export {
  type Cart,
  type CartDelta,
  cartFromJSON,
  type CartItem,
  createCart,
  decodeCart,
  MAX_QUANTITY,
} from './cart.ts'
export type { Crdt, CrdtType, Delta, MergeSource, ReplicaOptions } from './crdt.ts'
export type { Dotted } from './dotted.ts'
export type { FragmentJson } from './fragment-codec.ts'
export {
  createOrSet,
  decodeOrSet,
  type OrSet,
  type OrSetDelta,
  orSetFromJSON,
  type SetElement,
} from './or-set.ts'
export {
  createPnCounter,
  decodePnCounter,
  type PnCounter,
  type PnCounterDelta,
  pnCounterFromJSON,
  type PnCounterJson,
} from './pn-counter.ts'
