import type { History } from '../history.ts'
import { UsageError } from './arguments.ts'
import { namesOfModels } from './checks.ts'

/** Models by the names of their operations. More than one: their operations look alike, and only you know. */
const BY_NAMES: readonly (readonly [names: readonly string[], models: readonly string[]])[] = [
  [
    ['read', 'write'],
    ['register', 'causal-reverse'],
  ],
  [['read', 'write', 'cas'], ['cas-register']],
  [['get', 'put'], ['kv']],
  [['get', 'put', 'append', 'delete', 'cas'], ['kv']],
  [
    ['acquire', 'release'],
    ['mutex', 'fenced-mutex'],
  ],
  [['generate'], ['unique-ids']],
  [['transfer', 'read'], ['bank']],
  [
    ['add', 'read'],
    ['set', 'set-full', 'set-final-read', 'counter', 'counter-bounds'],
  ],
  [
    ['enqueue', 'dequeue'],
    ['queue', 'unordered-queue', 'total-queue'],
  ],
  [['enqueue', 'dequeue', 'drain'], ['total-queue']],
  [['take', 'restock', 'read'], ['no-oversell']],
  [['request', 'effect', 'read'], ['exactly-once']],
]

/** Models whose reads answer with all that was added or written. */
const OF_MEMBERS: ReadonlySet<string> = new Set(['set', 'set-full', 'set-final-read', 'causal-reverse'])

/** The one model that the operations are of. @throws UsageError if there is none, or more than one. */
export function guessModel(history: History): string {
  const models = candidates(history)
  const [model] = models
  if (models.length === 1 && model !== undefined) return model
  const seen = [...new Set(history.operations.map(({ op }) => op))].slice(0, 5).join(', ')
  const why =
    models.length === 0 ? 'no model has these operations' : `the operations fit ${models.join(', ')}`
  throw new UsageError(
    `name the model with --model: ${seen === '' ? 'the history is empty' : `${why} (${seen})`}\nModels: ${namesOfModels()}`,
  )
}

function candidates({ operations, realTime, initial }: History): readonly string[] {
  if (operations.length === 0) return []
  const names = new Set(operations.map(({ op }) => op))
  if (names.size === 1 && names.has('txn')) {
    const steps = operations.flatMap(({ input }) => (Array.isArray(input) ? (input as unknown[]) : []))
    const isAppend = steps.some((step) => Array.isArray(step) && step[0] === 'append')
    if (isAppend) return ['list-append']
    return realTime && initial !== undefined ? ['rw-register', 'multi-register'] : ['rw-register']
  }
  const fitting = BY_NAMES.find(([known]) => [...names].every((name) => known.includes(name)))
  const models = fitting?.[1] ?? []
  // What a read saw tells a set from a counter, and a register from a table.
  const seen = operations.find(
    ({ op, output }) => op === 'read' && output !== undefined && output !== null,
  )?.output
  if (seen === undefined) return models
  const writesLists = operations.some(({ op, input }) => op === 'write' && Array.isArray(input))
  const seesMembers = Array.isArray(seen) && !writesLists
  return models.filter((model) => seesMembers === OF_MEMBERS.has(model))
}
