// What each type of @quorate/crdt costs in bytes, measured on objects made here: the table in its README.
import {
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
  createText,
  createTwoPhaseSet,
  type Delta,
  field,
} from '@quorate/crdt'

const COUNT = 1_000
const replica = 'eu-1'
const now = (): number => Date.UTC(2026, 0, 1)
const shape = { visits: field.mapOf(field.counter()) }
/** Ten characters each. */
const names = Array.from({ length: COUNT }, (_, index) => `sku-${String(index).padStart(6, '0')}`)

interface Encodes {
  encode(): Uint8Array
}
interface Cost {
  readonly type: string
  /** What is counted one by one: an element, a replica. */
  readonly unit: string
  readonly perUnit: number
  /** Bytes of the delta of the last edit. */
  readonly delta: number
  /** Bytes of the state when all is removed again; undefined if there is no such thing. */
  readonly emptied: number | undefined
}

/** Adds 1,000 names to what can hold them, then takes them all away. */
function ofElements<C extends Encodes>(
  type: string,
  unit: string,
  make: () => C,
  add: (crdt: C, name: string) => Delta,
  empty?: (crdt: C) => unknown,
): Cost {
  const crdt = make()
  const before = crdt.encode().length
  const deltas = names.map((name) => add(crdt, name))
  const perUnit = (crdt.encode().length - before) / COUNT
  const delta = deltas.at(-1)?.encode().length ?? 0
  empty?.(crdt)
  return { type, unit, perUnit, delta, emptied: empty && crdt.encode().length }
}

/** One edit each of 1,000 replicas. */
function ofReplicas<C extends Encodes & { merge(delta: Delta): boolean }>(
  type: string,
  make: (replica: string) => C,
  edit: (crdt: C) => Delta | undefined,
): Cost {
  const all = make(replica)
  const before = all.encode().length
  const delta = edit(make(replica))
  for (const name of names) {
    const one = edit(make(name.slice(0, 10)))
    if (one !== undefined) all.merge(one)
  }
  const perUnit = (all.encode().length - before) / COUNT
  return { type, unit: 'replica', perUnit, delta: delta?.encode().length ?? 0, emptied: undefined }
}

export function costs(): Cost[] {
  type MergesAny = { merge(delta: Delta): boolean }
  const any = <C extends Encodes>(crdt: C): C & MergesAny => crdt as C & MergesAny
  return [
    ofReplicas(
      'G-Counter',
      (name) => any(createGCounter({ replica: name })),
      (one) => one.increment(500),
    ),
    ofReplicas(
      'PN-Counter',
      (name) => any(createPnCounter({ replica: name })),
      (one) => one.increment(500),
    ),
    ofReplicas(
      'bounded counter',
      (name) => any(createBoundedCounter({ replica: name })),
      (one) => one.increment(500),
    ),
    ofReplicas(
      'LWW-Register',
      (name) => any(createLwwRegister({ replica: name, now })),
      (one) => one.set(500),
    ),
    ofReplicas(
      'MV-Register',
      (name) => any(createMvRegister({ replica: name })),
      (one) => one.set(500),
    ),
    ofReplicas(
      'enable-wins flag',
      (name) => any(createEwFlag({ replica: name })),
      (one) => one.enable(),
    ),
    ofReplicas(
      'disable-wins flag',
      (name) => any(createDwFlag({ replica: name })),
      (one) => one.disable(),
    ),
    ofElements(
      'G-Set',
      'element',
      () => createGSet({ replica }),
      (set, name) => set.add(name),
    ),
    ofElements(
      '2P-Set',
      'element',
      () => createTwoPhaseSet({ replica }),
      (set, name) => set.add(name),
      (set) => {
        for (const name of names) set.remove(name)
      },
    ),
    ofElements(
      'OR-Set',
      'element',
      () => createOrSet({ replica }),
      (set, name) => set.add(name),
      (set) => set.clear(),
    ),
    ofElements(
      'remove-wins set',
      'element',
      () => createRwSet({ replica }),
      (set, name) => set.add(name),
      (set) => set.clear(),
    ),
    ofElements(
      'LWW-Map',
      'key',
      () => createLwwMap<number>({ replica, now }),
      (map, name) => map.set(name, 500),
      (map) => map.clear(),
    ),
    ofElements(
      'OR-Map of counters',
      'key',
      () => createOrMap({ replica, now, shape }),
      (map, name) => map.at('visits').at(name).increment(500),
      (map) => map.clear(),
    ),
    ofElements(
      'cart',
      'line',
      () => createCart({ replica }),
      (cart, name) => cart.add(name, 2),
      (cart) => cart.clear(),
    ),
    ofElements(
      'text',
      'typed run of 10',
      () => createText({ replica }),
      (text, name) => text.insert(0, name),
      (text) => text.delete(0, text.length),
    ),
  ]
}

const bytes = (count: number): string =>
  count < 100 ? String(Math.round(count * 10) / 10) : Math.round(count).toLocaleString('en')

/** The table, as Markdown rows. */
export function costRows(): string[][] {
  return [
    ['type', 'grows with', 'bytes each', 'delta of an edit', 'emptied'],
    ...costs().map(({ type, unit, perUnit, delta, emptied }) => [
      type,
      unit,
      bytes(perUnit),
      `${bytes(delta)} B`,
      emptied === undefined ? '–' : `${bytes(emptied)} B`,
    ]),
  ]
}
