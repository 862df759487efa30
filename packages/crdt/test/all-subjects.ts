import {
  type BoundedCounter,
  boundedCounterFromJSON,
  type Cart,
  cartFromJSON,
  createBoundedCounter,
  createCart,
  createDwFlag,
  createEwFlag,
  createGCounter,
  createGSet,
  createLwwMap,
  createLwwRegister,
  createMvRegister,
  createOrMap,
  createOrSet,
  createPnCounter,
  createRwSet,
  createTwoPhaseSet,
  type CrdtType,
  decodeBoundedCounter,
  decodeCart,
  decodeDwFlag,
  decodeEwFlag,
  decodeGCounter,
  decodeGSet,
  decodeLwwMap,
  decodeLwwRegister,
  decodeMvRegister,
  decodeOrMap,
  decodeOrSet,
  decodePnCounter,
  decodeRwSet,
  decodeTwoPhaseSet,
  type Delta,
  type DwFlag,
  dwFlagFromJSON,
  type EwFlag,
  ewFlagFromJSON,
  field,
  type GCounter,
  gCounterFromJSON,
  gSetFromJSON,
  type LwwMap,
  lwwMapFromJSON,
  type LwwRegister,
  lwwRegisterFromJSON,
  type MvRegister,
  mvRegisterFromJSON,
  orMapFromJSON,
  orSetFromJSON,
  type PnCounter,
  pnCounterFromJSON,
  rwSetFromJSON,
  twoPhaseSetFromJSON,
} from '../src/index.ts'
import { createText, decodeText, type Text, textFromJSON } from '../src/text/index.ts'
import {
  type AnyCrdt,
  editElements,
  type Edited,
  lostCounts,
  lostElements,
  lostValue,
  type Noted,
  pick,
  type Place,
  type Subject,
} from './subjects.ts'

/** Wall clocks of the tests may be a minute apart; that stamps from the future are refused has a test of its own. */
const stamped = (place: Place): Place & { maxDriftMs: number } => ({ ...place, maxDriftMs: Infinity })

/** A value with all that a value may hold, which can be told from all others by its id. */
const valueOf = (id: string): { id: string; tags: (string | number | null)[]; on: boolean } => ({
  id,
  tags: ['x', 0.5, null, -7],
  on: true,
})

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

interface AnySet extends AnyCrdt, Iterable<string> {
  add(element: string): Delta
  remove?(element: string): Delta
}

/** What sets have in common: elements that are added, and, in some, removed. */
function ofSet(
  name: CrdtType,
  make: (place: Place) => AnySet,
  decode: (bytes: Uint8Array, place: Place) => AnySet,
  fromJSON: (json: unknown, place: Place) => AnySet,
): Subject {
  return {
    name,
    make,
    decode,
    fromJSON,
    edit(crdt, random, id) {
      const own = crdt as AnySet
      const remove = own.remove?.bind(own)
      if (remove === undefined) return { delta: own.add(id), note: { key: id, kind: 'add', amount: 1 } }
      return editElements(random, id, [...own], (element) => own.add(element), remove)
    },
    lost: (notes, crdt) => lostElements(notes, crdt as AnySet),
  }
}

const orSet = ofSet('or-set', createOrSet, decodeOrSet, orSetFromJSON)
const rwSet = ofSet('rw-set', createRwSet, decodeRwSet, rwSetFromJSON)
const gSet = ofSet('g-set', createGSet, decodeGSet, gSetFromJSON)
const twoPhaseSet = ofSet('2p-set', createTwoPhaseSet, decodeTwoPhaseSet, twoPhaseSetFromJSON)

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

const gCounter: Subject = {
  name: 'g-counter',
  make: createGCounter,
  decode: decodeGCounter,
  fromJSON: gCounterFromJSON,
  edit(crdt, random) {
    const amount = 1 + Math.floor(random() * 300)
    return { delta: (crdt as GCounter).increment(amount), note: { key: '', kind: 'add', amount } }
  },
  lost: (notes, crdt) => lostCounts(notes, (crdt as GCounter).value),
}

type Register = LwwRegister<ReturnType<typeof valueOf>> | MvRegister<ReturnType<typeof valueOf>>

function editRegister(own: Register, random: () => number, id: string): Edited {
  if (random() < 0.15) return { delta: own.clear(), note: { key: id, kind: 'remove', amount: 0 } }
  return { delta: own.set(valueOf(id)), note: { key: id, kind: 'set', amount: 0 } }
}

const lwwRegister: Subject = {
  name: 'lww-register',
  make: (place) => createLwwRegister(stamped(place)),
  decode: (bytes, place) => decodeLwwRegister(bytes, stamped(place)),
  fromJSON: (json, place) => lwwRegisterFromJSON(json, stamped(place)),
  edit: (crdt, random, id) => editRegister(crdt as Register, random, id),
  lost(notes: readonly Noted[], crdt) {
    const { value } = crdt as Register
    return lostValue(notes, value === undefined ? [] : [value.id])
  },
}

const mvRegister: Subject = {
  name: 'mv-register',
  make: (place) => createMvRegister(place),
  decode: (bytes, place) => decodeMvRegister(bytes, place),
  fromJSON: (json, place) => mvRegisterFromJSON(json, place),
  edit: (crdt, random, id) => editRegister(crdt as Register, random, id),
  lost: (notes, crdt) =>
    lostValue(
      notes,
      (crdt as MvRegister<ReturnType<typeof valueOf>>).values.map(({ id }) => id),
    ),
}

const lwwMap: Subject = {
  name: 'lww-map',
  make: (place) => createLwwMap(stamped(place)),
  decode: (bytes, place) => decodeLwwMap(bytes, stamped(place)),
  fromJSON: (json, place) => lwwMapFromJSON(json, stamped(place)),
  edit(crdt, random, id) {
    const own = crdt as LwwMap
    const key = random() < 0.2 ? pick([...own.keys()].toSorted(), random) : undefined
    if (key !== undefined) {
      return { delta: own.set(key, valueOf(id)), note: { key, kind: 'set', amount: 0 } }
    }
    return editElements(
      random,
      id,
      [...own.keys()],
      (fresh) => own.set(fresh, valueOf(id)),
      (there) => own.delete(there),
    )
  },
  lost: (notes, crdt) => lostElements(notes, (crdt as LwwMap).keys()),
}

function editFlag(own: EwFlag | DwFlag, random: () => number): Edited {
  const on = random() < 0.5
  return {
    delta: on ? own.enable() : own.disable(),
    note: { key: String(on), kind: on ? 'add' : 'remove', amount: 0 },
  }
}

/** A flag is what somebody made it, or as it was. */
function lostFlag(notes: readonly Noted[], value: unknown, atFirst: boolean): string | undefined {
  if (notes.some(({ key }) => key === String(value))) return undefined
  const changed = notes.some(({ acknowledged }) => acknowledged)
  return value === atFirst && !changed ? undefined : `the flag is ${String(value)}, and nobody made it so`
}

const ewFlag: Subject = {
  name: 'ew-flag',
  make: createEwFlag,
  decode: decodeEwFlag,
  fromJSON: ewFlagFromJSON,
  edit: (crdt, random) => editFlag(crdt as EwFlag, random),
  lost: (notes, crdt) => lostFlag(notes, crdt.value, false),
}

const dwFlag: Subject = {
  name: 'dw-flag',
  make: createDwFlag,
  decode: decodeDwFlag,
  fromJSON: dwFlagFromJSON,
  edit: (crdt, random) => editFlag(crdt as DwFlag, random),
  lost: (notes, crdt) => lostFlag(notes, crdt.value, false),
}

const shape = {
  visits: field.counter(),
  words: field.set(),
  basket: field.cart(),
  active: field.flag(),
  note: field.conflicts<string>(),
  rooms: field.mapOf({ title: field.value<string>(), guests: field.mapOf(field.counter()) }),
}
const makeMap = (place: Place) => createOrMap({ ...stamped(place), shape })

const orMap: Subject = {
  name: 'or-map',
  make: makeMap,
  decode: (bytes, place) => decodeOrMap(bytes, { ...stamped(place), shape }),
  fromJSON: (json, place) => orMapFromJSON(json, { ...stamped(place), shape }),
  edit(crdt, random, id) {
    const own = crdt as ReturnType<typeof makeMap>
    const what = random()
    const [words, basket, rooms] = [own.at('words'), own.at('basket'), own.at('rooms')]
    if (what < 0.2) {
      const amount = random() < 0.7 ? 3 : -2
      const delta = amount > 0 ? own.at('visits').increment(amount) : own.at('visits').decrement(-amount)
      return { delta, note: { key: '', kind: 'set', amount } }
    }
    if (what < 0.25) {
      const delta = random() < 0.5 ? own.at('active').enable() : own.at('active').disable()
      return { delta, note: { key: '', kind: 'set', amount: 0 } }
    }
    if (what < 0.3) return { delta: own.at('note').set(id), note: { key: '', kind: 'set', amount: 0 } }
    if (what < 0.5) {
      return editElements(
        random,
        id,
        [...words.value],
        (word) => words.add(word),
        (word) => words.remove(word),
      )
    }
    if (what < 0.7) {
      const skus = [...basket.value.keys()]
      return editElements(
        random,
        id,
        skus,
        (sku) => basket.add(sku, 2),
        (sku) => basket.remove(sku),
      )
    }
    return editElements(
      random,
      id,
      rooms.keys(),
      (room) =>
        own.update(() => {
          rooms.at(room).at('title').set(id)
          rooms.at(room).at('guests').at('ann').increment()
        }),
      (room) => rooms.delete(room),
    )
  },
  lost(notes, crdt) {
    const { visits, words, basket, rooms } = (crdt as ReturnType<typeof makeMap>).value
    const elements = [...words, ...Object.keys(basket), ...Object.keys(rooms)]
    const half = Object.entries(rooms).find(([name, room]) => room.title !== name || room.guests['ann'] !== 1)
    if (half !== undefined) return `half a group is there: ${JSON.stringify(half)}`
    return (
      lostElements(
        notes.filter(({ key }) => key !== ''),
        elements,
      ) ??
      lostCounts(
        notes.filter(({ key }) => key === ''),
        visits,
      )
    )
  },
}

const boundedCounter: Subject = {
  name: 'bounded-counter',
  make: createBoundedCounter,
  decode: decodeBoundedCounter,
  fromJSON: boundedCounterFromJSON,
  edit(crdt, random) {
    const own = crdt as BoundedCounter
    const what = random()
    const amount = 1 + Math.floor(random() * 5)
    if (what < 0.15) {
      const to = pick(
        ['a', 'b', 'c', 'r1', 'r2'].filter((name) => name !== own.replica),
        random,
      )
      const delta = own.transfer(Math.min(amount, own.available), to ?? 'd')
      return delta === undefined ? undefined : { delta, note: { key: '', kind: 'set', amount: 0 } }
    }
    const change = what < 0.5 ? amount : -amount
    const delta = change > 0 ? own.increment(change) : own.decrement(-change)
    return delta === undefined ? undefined : { delta, note: { key: '', kind: 'add', amount: change } }
  },
  lost(notes, crdt) {
    const { value } = crdt as BoundedCounter
    return value < 0 ? `${value} is below the minimum` : lostCounts(notes, value)
  },
}

/** A word that can be told from its neighbours, and one character past the basic plane. */
const wordOf = (id: string): string => `<${id}😀>`
const wordsIn = (text: string): string[] => text.match(/<[^<>]*>/gu) ?? []

const text: Subject = {
  name: 'text',
  make: createText,
  decode: decodeText,
  fromJSON: textFromJSON,
  edit(crdt, random, id) {
    const own = crdt as Text
    const now = own.toString()
    const words = wordsIn(now)
    const word = pick(words, random)
    if (word !== undefined && random() < 0.3) {
      const key = word.slice(1, -3)
      return { delta: own.delete(now.indexOf(word), word.length), note: { key, kind: 'remove', amount: 0 } }
    }
    // Between two words: there, what two replicas write at one place must not mingle.
    const index = word === undefined || random() < 0.3 ? now.length : now.indexOf(word)
    return { delta: own.insert(index, wordOf(id)), note: { key: id, kind: 'add', amount: 1 } }
  },
  lost(notes, crdt) {
    const now = (crdt as Text).toString()
    const words = wordsIn(now)
    if (words.join('') !== now) return `words are mingled: ${now}`
    return lostElements(
      notes,
      words.map((word) => word.slice(1, -3)),
    )
  },
}

/** Every type of the package. The tests fail if one is missing. */
export const SUBJECTS: readonly Subject[] = [
  cart,
  orSet,
  pnCounter,
  gCounter,
  lwwRegister,
  mvRegister,
  lwwMap,
  rwSet,
  gSet,
  twoPhaseSet,
  ewFlag,
  dwFlag,
  orMap,
  boundedCounter,
  text,
]
