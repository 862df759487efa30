/**
 * The cart alone: the smallest entry.
 * @packageDocumentation
 */
export {
  type Cart,
  type CartDelta,
  cartFromJSON,
  type CartItem,
  createCart,
  decodeCart,
  MAX_QUANTITY,
} from '../cart.ts'
export type { Crdt, CrdtType, Delta, MergeSource, ReplicaOptions } from '../crdt.ts'
export type { Dotted } from '../dotted.ts'
export { DuplicateReplicaError } from '../errors.ts'
export type { FragmentJson } from '../fragment-codec.ts'
export { DecodeError } from '@quorate/vector-clock'
