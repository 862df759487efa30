import type { History } from '../../history.ts'
import type { Operation, Status } from '../../operation.ts'
import type { Model } from '../model.ts'

/** Random numbers from 0 to 1 that repeat with the seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let hash = Math.imul(state ^ (state >>> 15), state | 1)
    hash ^= hash + Math.imul(hash ^ (hash >>> 7), hash | 61)
    return ((hash ^ (hash >>> 14)) >>> 0) / 4294967296
  }
}

/** What a process may ask of an object. */
export type Asked = Pick<Operation, 'op' | 'key' | 'input'>

/** An object for the simulation: what is asked, and what it answers. */
export interface Simulated<S> {
  readonly model: Model<S>
  /** Is each key an object of its own? */
  readonly perKey?: boolean
  /** Something to ask. */
  ask(random: () => number, sequence: number): Asked
  /** The answer of a correct object in that state; `undefined` if it has none now. */
  answer(state: S, asked: Asked, random: () => number): { readonly output: unknown } | undefined
  /** Any answer, right or wrong. */
  guess(asked: Asked, random: () => number): unknown
}

/** What a random history is like. */
export interface Shape {
  readonly operations: number
  readonly processes: number
  /** Share of operations without an answer, half of which took effect. */
  readonly unknown: number
  readonly fail: number
  /** Share of answers that are guessed. */
  readonly wrong: number
  /** Share of steps that end an operation early: less means more are open at once. */
  readonly ending?: number
}

interface Open {
  readonly process: number
  readonly asked: Asked
  readonly start: number
  outcome: { readonly output: unknown } | undefined
  readonly fate: Status
  readonly takesEffect: boolean
}

/**
 * Processes that ask an object, each one thing at a time; each operation takes effect at some moment between its
 * beginning and its end. Without wrong answers the history is linearizable.
 */
export function simulate<S>(object: Simulated<S>, shape: Shape, seed: number): History {
  const random = randomOf(seed)
  const { model } = object
  const states = new Map<unknown, S>()
  const done: Omit<Operation, 'index'>[] = []
  const open: Open[] = []
  const waiting: Open[] = [] // unknown, to take effect later
  let free = Array.from({ length: shape.processes }, (_, process) => process)
  let nextProcess = shape.processes
  let begun = 0
  let time = 0

  const takeEffect = (entry: Open): void => {
    if (entry.outcome !== undefined || !entry.takesEffect) return
    const name = object.perKey === true ? entry.asked.key : undefined
    const state = states.has(name) ? states.get(name)! : model.init(model.initial)
    const answer = object.answer(state, entry.asked, random)
    if (answer === undefined) return
    const operation = {
      ...entry.asked,
      ...answer,
      index: 0,
      process: 0,
      status: 'ok',
      start: 0,
      end: 0,
    } as const
    const next = model.step(state, operation)
    if (next === undefined) throw new Error(`The simulation answers wrong: ${JSON.stringify(operation)}`)
    states.set(name, next)
    entry.outcome = answer
  }
  const finish = (entry: Open): void => {
    const { process, asked, start, fate } = entry
    if (fate === 'ok') takeEffect(entry)
    const isBlocked = fate === 'ok' && entry.outcome === undefined && random() >= shape.wrong
    const status = isBlocked ? 'fail' : fate
    const output = random() < shape.wrong ? object.guess(asked, random) : entry.outcome?.output
    done.push({
      process,
      ...asked,
      status,
      start,
      end: status === 'unknown' ? Infinity : time++,
      ...(status === 'ok' ? { output } : {}),
    })
    if (status === 'unknown') {
      if (entry.outcome === undefined) waiting.push(entry)
      free.push(nextProcess++) // a crashed process does not come back
    } else free.push(process)
  }
  while (begun < shape.operations || open.length > 0) {
    const dice = random()
    if (dice < 0.4 && begun < shape.operations && free.length > 0) {
      const at = Math.floor(random() * free.length)
      const process = free[at]!
      free = free.filter((other) => other !== process)
      const roll = random()
      const fate = roll < shape.unknown ? 'unknown' : roll < shape.unknown + shape.fail ? 'fail' : 'ok'
      const takesEffect = fate === 'ok' || (fate === 'unknown' && random() < 0.5)
      open.push({
        process,
        asked: object.ask(random, begun),
        start: time++,
        outcome: undefined,
        fate,
        takesEffect,
      })
      begun++
    } else if (dice < 0.7 && open.length + waiting.length > 0) {
      const all = [...open, ...waiting]
      takeEffect(all[Math.floor(random() * all.length)]!)
    } else if (open.length > 0 && (dice < 0.7 + (shape.ending ?? 0.3) || begun === shape.operations)) {
      const [entry] = open.splice(Math.floor(random() * open.length), 1)
      finish(entry!)
    }
  }
  return historyOf(done)
}

/** In order of their beginning, numbered. */
export function historyOf(operations: readonly Omit<Operation, 'index'>[], initial?: unknown): History {
  const sorted = operations.toSorted((a, b) => a.start - b.start)
  return {
    operations: sorted.map((operation, index) => ({ ...operation, index })),
    faults: [],
    realTime: true,
    ...(initial === undefined ? {} : { initial }),
  }
}
