import type { MicroOperation } from '../../operation.ts'
import { counter } from '../models/counter.ts'
import { kv } from '../models/kv.ts'
import { multiRegister } from '../models/multi-register.ts'
import { fencedMutex, mutex } from '../models/mutex.ts'
import { queue } from '../models/queue.ts'
import { casRegister, register } from '../models/register.ts'
import { set } from '../models/set.ts'
import type { Asked, Simulated } from './random-histories.ts'

type Random = () => number

const below = (random: Random, limit: number): number => Math.floor(random() * limit)
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!
const OK = { output: undefined }

/** Values that repeat, or values each written once. */
export function registerObject(values: 'few' | 'unique', hasCas = false): Simulated<unknown> {
  const range = 4
  const model = hasCas ? casRegister({ initial: 0 }) : register({ initial: 0 })
  return {
    model,
    ask(random, sequence) {
      const dice = random()
      if (dice < 0.45) return { op: 'read' }
      const value = values === 'few' ? below(random, range) : sequence + 1
      if (!hasCas || dice < 0.7) return { op: 'write', input: value }
      return {
        op: 'cas',
        input: [values === 'few' ? below(random, range) : below(random, sequence + 1), value],
      }
    },
    answer(state, { op, input }) {
      if (op === 'read') return { output: state }
      return op === 'cas' ? { output: state === (input as unknown[])[0] } : OK
    },
    guess({ op }, random) {
      if (op === 'read') return below(random, values === 'few' ? range : 8)
      return op === 'cas' ? random() < 0.5 : undefined
    },
  }
}

const KEYS = ['x', 'y', 'z'] as const

export const multiRegisterObject: Simulated<{
  readonly written: Readonly<Record<string, unknown>>
  readonly initial: (key: string | number) => unknown
}> = {
  model: multiRegister({ initial: 0 }),
  ask(random) {
    if (random() < 0.2) return { op: 'read', key: pick(random, KEYS) }
    if (random() < 0.2) return { op: 'write', key: pick(random, KEYS), input: below(random, 3) }
    const input = Array.from({ length: 1 + below(random, 3) }, (): MicroOperation =>
      random() < 0.5 ? ['r', pick(random, KEYS), null] : ['w', pick(random, KEYS), below(random, 3)],
    )
    return { op: 'txn', input }
  },
  answer({ written }, { op, key, input }) {
    const now = new Map(Object.entries(written))
    const valueOf = (name: unknown): unknown => now.get(JSON.stringify(name)) ?? 0
    if (op === 'read') return { output: valueOf(key) }
    if (op === 'write') return OK
    const output = (input as readonly MicroOperation[]).map(([kind, name, value]) => {
      if (kind === 'r') return [kind, name, valueOf(name)]
      now.set(JSON.stringify(name), value)
      return [kind, name, value]
    })
    return { output }
  },
  guess({ op, input }, random) {
    if (op === 'read') return below(random, 3)
    if (op === 'write') return undefined
    return (input as readonly MicroOperation[]).map(([kind, name, value]) => [
      kind,
      name,
      kind === 'r' ? below(random, 3) : value,
    ])
  },
}

export function counterObject(signs: 'grows' | 'both'): Simulated<number> {
  return {
    model: counter(),
    ask(random) {
      if (random() < 0.4) return { op: 'read' }
      if (random() < 0.3) return { op: signs === 'both' && random() < 0.5 ? 'decrement' : 'increment' }
      return { op: 'add', input: below(random, 4) - (signs === 'both' ? 1 : 0) }
    },
    answer: (state, { op }) => (op === 'read' ? { output: state } : OK),
    guess: ({ op }, random) => (op === 'read' ? below(random, 8) - (signs === 'both' ? 2 : 0) : undefined),
  }
}

export function setObject(removes: boolean): Simulated<ReadonlySet<string>> {
  return {
    model: set(),
    ask(random) {
      const input = below(random, 4)
      if (random() < 0.25) return { op: 'read' }
      if (random() < 0.25) return { op: 'contains', input }
      return { op: removes && random() < 0.4 ? 'remove' : 'add', input }
    },
    answer(state, { op, input }) {
      if (op === 'read') return { output: [...state].map(Number) }
      return op === 'contains' ? { output: state.has(String(input)) } : OK
    },
    guess({ op }, random) {
      if (op === 'read') return [0, 1, 2, 3].filter(() => random() < 0.4)
      return op === 'contains' ? random() < 0.5 : undefined
    },
  }
}

export function queueObject(
  values: 'few' | 'unique',
  initial?: readonly unknown[],
): Simulated<readonly unknown[]> {
  return {
    model: queue({ initial }),
    ask: (random, sequence) =>
      random() < 0.55
        ? { op: 'enqueue', input: values === 'few' ? below(random, 3) : sequence }
        : { op: 'dequeue' },
    answer: (state, { op }) => (op === 'dequeue' ? { output: state[0] ?? null } : OK),
    guess: ({ op }, random) => (op === 'dequeue' ? pick(random, [null, 0, 1, 2, 3]) : undefined),
  }
}

export const mutexObject: Simulated<string | number | true | null> = {
  model: mutex(),
  ask: (random) => ({ op: random() < 0.5 ? 'acquire' : 'release' }),
  // Without an answer it fails; the mutations let it succeed.
  answer: (state, { op }) => ((state === null) === (op === 'acquire') ? OK : undefined),
  guess: () => undefined,
}

interface Fence {
  readonly held: boolean
  readonly token: number
  readonly last: number
}

export const fencedMutexObject: Simulated<Fence> = {
  model: fencedMutex(),
  ask: (random) => ({ op: random() < 0.5 ? 'acquire' : 'release' }),
  answer({ held, last }, { op }, random) {
    if (held === (op === 'acquire')) return undefined
    return op === 'acquire' ? { output: Math.max(0, last) + 1 + below(random, 2) } : OK
  },
  guess: ({ op }, random) => (op === 'acquire' ? below(random, 6) : undefined),
}

export function kvObject(hasCas: boolean): Simulated<unknown> {
  return {
    model: kv(),
    perKey: true,
    ask(random, sequence): Asked {
      const key = random() < 0.8 ? 'a' : 'b'
      const dice = random()
      if (dice < 0.4) return { op: 'get', key }
      if (dice < 0.7) return { op: 'append', key, input: pick(random, ['x', 'y', String(sequence)]) }
      if (dice < 0.85) return { op: 'put', key, input: pick(random, ['', 'x', 'xy']) }
      if (dice < 0.92 || !hasCas) return { op: 'delete', key }
      return { op: 'cas', key, input: [pick(random, ['', 'x', 'y']), pick(random, ['x', 'xy'])] }
    },
    answer(state, { op, input }) {
      if (op === 'get') return { output: state === '' ? null : state }
      return op === 'cas' ? { output: state === ((input as unknown[])[0] ?? '') } : OK
    },
    guess({ op }, random) {
      if (op === 'get') return pick(random, ['', 'x', 'y', 'xy', 'xx', 'yx'])
      return op === 'cas' ? random() < 0.5 : undefined
    },
  }
}
