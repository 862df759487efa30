import {
  type Cart,
  cartFromJSON,
  createCart,
  createOrSet,
  createPnCounter,
  decodeCart,
  decodeOrSet,
  decodePnCounter,
  type OrSet,
  orSetFromJSON,
  type PnCounter,
  pnCounterFromJSON,
} from '../src/index.ts'
import { editElements, lostCounts, lostElements, pick, type Subject } from './subjects.ts'

const cart: Subject = {
  name: 'cart',
  make: createCart,
  decode: decodeCart,
  fromJSON: cartFromJSON,
  edit(crdt, random, id) {
    const own = crdt as Cart
    if (random() < 0.8) {
      return editElements(
        random,
        id,
        [...own.value.keys()],
        (sku) => own.add(sku, 2),
        (sku) => own.remove(sku),
      )
    }
    const sku = pick([...own.value.keys()].toSorted(), random)
    if (sku === undefined) return undefined
    return { delta: own.setQuantity(sku, 3), note: { key: sku, kind: 'set', amount: 3 } }
  },
  lost: (notes, crdt) => lostElements(notes, (crdt as Cart).value.keys()),
}

const orSet: Subject = {
  name: 'or-set',
  make: (place) => createOrSet(place),
  decode: (bytes, place) => decodeOrSet(bytes, place),
  fromJSON: (json, place) => orSetFromJSON(json, place),
  edit(crdt, random, id) {
    const own = crdt as OrSet<string>
    return editElements(
      random,
      id,
      [...own],
      (element) => own.add(element),
      (element) => own.remove(element),
    )
  },
  lost: (notes, crdt) => lostElements(notes, crdt as OrSet<string>),
}

const pnCounter: Subject = {
  name: 'pn-counter',
  make: createPnCounter,
  decode: decodePnCounter,
  fromJSON: pnCounterFromJSON,
  edit(crdt, random) {
    const own = crdt as PnCounter
    const amount = 1 + Math.floor(random() * 5)
    return random() < 0.6
      ? { delta: own.increment(amount), note: { key: '', kind: 'add', amount } }
      : { delta: own.decrement(amount), note: { key: '', kind: 'add', amount: -amount } }
  },
  lost: (notes, crdt) => lostCounts(notes, (crdt as PnCounter).value),
}

/** Every type of the package. The tests fail if one is missing. */
export const SUBJECTS: readonly Subject[] = [cart, orSet, pnCounter]
