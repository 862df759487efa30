// Counts the steps of what an application does most, on a state of some size and on one four times as large. Runs in a
// process of its own: V8 counts how often each block of a function runs only if it is told before the function is
// compiled. A step is one run of a block of our code; what the engine does inside one call, as moving the end of an
// array, is not counted.
import { Session } from 'node:inspector'
import type { CrdtType, Delta } from '../src/index.ts'
import type { AnyCrdt } from './subjects.ts'

/** What is counted. */
export type Operation = 'edit' | 'merge' | 'deltaSince' | 'encode'

/** The steps on the small state and on the large one. */
export type Steps = readonly [small: number, large: number]

export interface ScalingReport {
  readonly type: CrdtType
  readonly steps: Readonly<Record<Operation, Steps>>
}

const SMALL = 400
const LARGE = 4 * SMALL

const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
const {
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
  field,
} = await import('../src/index.ts')

/** How often blocks of our code ran during the work. */
function stepsOf(work: () => unknown): number {
  session.post('Profiler.takePreciseCoverage') // begins anew
  work()
  let steps = 0
  session.post('Profiler.takePreciseCoverage', (error, coverage) => {
    if (error !== null) throw error
    const ours = coverage.result.filter(({ url }) => /\/packages\/[a-z-]+\/src\//u.test(url))
    for (const { functions } of ours) {
      for (const { ranges } of functions) for (const { count } of ranges) steps += count
    }
  })
  return steps
}

/** How a type comes to have a size, and an edit of it. */
interface Growing {
  /** Made by replica `a`, which edits it later. */
  readonly grow: (size: number) => AnyCrdt
  readonly edit: (crdt: AnyCrdt, key: string) => Delta
  /** False if one edit takes away all that has grown: then the first is counted, else the second. */
  readonly isWarm: boolean
}

/** So many keys; half of them were taken out again, and others put in. */
function keyed<C extends AnyCrdt>(
  create: (options: { replica: string }) => C,
  put: (crdt: C, key: string) => Delta,
  take?: (crdt: C, key: string) => unknown,
): Growing {
  return {
    grow: (size) => {
      const crdt = create({ replica: 'a' })
      for (let i = 0; i < size; i++) put(crdt, `key-${i}`)
      for (let i = 0; i < size; i += 2) take?.(crdt, `key-${i}`)
      for (let i = 0; i < size; i += 2) put(crdt, `other-${i}`)
      return crdt
    },
    edit: (crdt, key) => put(crdt as C, key),
    isWarm: true,
  }
}

/** So many replicas, each with an edit that knows of no other. */
function crowded<C extends AnyCrdt>(
  create: (options: { replica: string }) => C,
  edit: (crdt: C) => Delta,
  isWarm: boolean,
): Growing {
  return {
    grow: (size) => {
      const crdt = create({ replica: 'a' })
      for (let i = 0; i < size; i++) {
        const other = create({ replica: `replica-${i}` })
        edit(other)
        crdt.merge(other.encode())
      }
      return crdt
    },
    edit: (crdt) => edit(crdt as C),
    isWarm,
  }
}

const GROWING: Readonly<Record<CrdtType, Growing>> = {
  'g-counter': crowded(createGCounter, (crdt) => crdt.increment(), true),
  'pn-counter': crowded(createPnCounter, (crdt) => crdt.decrement(), true),
  'bounded-counter': crowded(createBoundedCounter, (crdt) => crdt.increment() as Delta, true),
  'ew-flag': crowded(createEwFlag, (crdt) => crdt.enable(), false),
  'dw-flag': crowded(createDwFlag, (crdt) => crdt.disable(), false),
  'lww-register': crowded(createLwwRegister<number>, (crdt) => crdt.set(1), false),
  'mv-register': crowded(createMvRegister<number>, (crdt) => crdt.set(1), false),
  'g-set': keyed(createGSet, (crdt, key) => crdt.add(key)),
  '2p-set': keyed(
    createTwoPhaseSet,
    (crdt, key) => crdt.add(key),
    (crdt, key) => crdt.remove(key),
  ),
  'or-set': keyed(
    createOrSet,
    (crdt, key) => crdt.add(key),
    (crdt, key) => crdt.remove(key),
  ),
  'rw-set': keyed(
    createRwSet,
    (crdt, key) => crdt.add(key),
    (crdt, key) => crdt.remove(key),
  ),
  cart: keyed(
    createCart,
    (crdt, key) => crdt.add(key),
    (crdt, key) => crdt.remove(key),
  ),
  'lww-map': keyed(
    createLwwMap<number>,
    (crdt, key) => crdt.set(key, 1),
    (crdt, key) => crdt.delete(key),
  ),
  'or-map': keyed(
    ({ replica }) => createOrMap({ replica, shape: field.mapOf(field.counter()) }),
    (crdt, key) => crdt.at(key).increment(),
    (crdt, key) => crdt.delete(key),
  ),
  text: keyed(
    createText,
    (crdt, key) => crdt.insert(0, key),
    (crdt) => crdt.delete(1, 2),
  ),
}

const work: Readonly<Record<Operation, (crdt: AnyCrdt, growing: Growing) => number>> = {
  edit: (crdt, { edit, isWarm }) => {
    if (isWarm) edit(crdt, 'first')
    return stepsOf(() => edit(crdt, 'second'))
  },
  merge: (crdt, { edit, isWarm }) => {
    const peer = crdt.clone({ replica: 'peer' })
    if (isWarm) crdt.merge(edit(peer, 'first').encode())
    const bytes = edit(peer, 'second').encode()
    return stepsOf(() => crdt.merge(bytes))
  },
  deltaSince: (crdt, { edit, isWarm }) => {
    const lacking = (key: string): (() => unknown) => {
      const { version } = crdt
      edit(crdt, key)
      return () => crdt.deltaSince(version).encode()
    }
    if (isWarm) lacking('first')()
    return stepsOf(lacking('second'))
  },
  encode: (crdt) => stepsOf(() => crdt.encode()),
}

function reportOf(type: CrdtType): ScalingReport {
  const growing = GROWING[type]
  const count = (operation: Operation): Steps => [
    work[operation](growing.grow(SMALL), growing),
    work[operation](growing.grow(LARGE), growing),
  ]
  return {
    type,
    steps: {
      edit: count('edit'),
      merge: count('merge'),
      deltaSince: count('deltaSince'),
      encode: count('encode'),
    },
  }
}

process.send?.((Object.keys(GROWING) as CrdtType[]).map(reportOf))
session.disconnect()
