// The batcher as it is, in the simulator: one database with a disk, services with a batcher each, and everything that
// goes wrong between them. Judged by @quorate/checker. More seeds: QUORATE_SEEDS=50000. A failure prints the line that
// repeats it.
import { type Env, explore, type Rpc, rpcOf, type Run, type Scenario, simulate } from '@quorate/chaos/sim'
import { checkNoOversell, createHistory, type RecordedCall } from '@quorate/checker'
import { isQuorateError } from '@quorate/core'
import { expect, test } from 'vitest'
import { BatchQueue } from './batch-queue.ts'
import { fold } from './plan.ts'
import type { BatchAnswer, BatchItem, BatchStore } from './store.ts'

const seeds = (usual: number): number => Number(process.env['QUORATE_SEEDS'] ?? usual)
const STOCK: Readonly<Record<string, number>> = { mug: 9, lamp: 4 }
const CLIENTS = ['c1', 'c2', 'c3']
const OPERATIONS = 10

interface Call {
  readonly sku: string
  readonly units: number
}
interface Client {
  readonly env: Env
  readonly queue: BatchQueue
  readonly rpc: Rpc
}

/** How the store of a service goes wrong. */
type Bug = 'none' | 'repeats what may have been applied' | 'grants before the flush'

/** A write-ahead log with one record for each statement; what is not flushed is lost in a crash. */
const database =
  (bug: Bug) =>
  async (env: Env): Promise<void> => {
    const units: Record<string, number> = { ...STOCK }
    // A crash can tear a record, so each has a beginning and an end.
    for (const [, text = '{}'] of ((await env.disk.read('log')) ?? '').matchAll(/<([^<>]*)>/g)) {
      Object.assign(units, JSON.parse(text))
    }
    const committed = { ...units }
    const rpc = rpcOf(env)
    let before = Promise.resolve()
    rpc.serve('apply', async (items: readonly BatchItem[]): Promise<BatchAnswer> => {
      // One statement at a time, as under the row's lock.
      const mine = before.then(async () => {
        const changed: Record<string, number> = {}
        const answers = items.map(({ key, deltas }) => {
          const sku = String(key['sku'])
          const now = changed[sku] ?? committed[sku] ?? 0
          changed[sku] = fold(now, deltas, 0).after
          return { type: 'applied' as const, before: now }
        })
        const written = env.disk
          .append('log', `<${JSON.stringify(changed)}>`)
          .then(() => env.disk.fsync('log'))
        if (bug !== 'grants before the flush') await written
        Object.assign(committed, changed)
        return { type: 'applied' as const, items: answers }
      })
      before = mine.then(() => {})
      return mine
    })
    rpc.serve('read', (sku: string) => committed[sku])
  }

function client(bug: Bug) {
  return (env: Env): Client => {
    const rpc = rpcOf(env)
    const store: BatchStore = {
      open: () =>
        Promise.resolve({
          async apply(items) {
            if (env.random() < 0.1)
              return { type: 'not-applied', next: 'retry', cause: new Error('deadlock') }
            if (env.random() < 0.05) return { type: 'not-applied', next: 'split', cause: new Error('22003') }
            try {
              return await rpc.call<BatchAnswer>('db', 'apply', items, { timeoutMs: 80 })
            } catch (cause) {
              return bug === 'repeats what may have been applied'
                ? { type: 'not-applied', next: 'retry', cause }
                : { type: 'unknown', cause }
            }
          },
          close() {},
        }),
    }
    const queue = new BatchQueue(store, 'stock', {
      clock: env,
      random: env.random,
      maxBatch: 3,
      deadlineMs: 300,
    })
    return { env, queue, rpc }
  }
}

type BatchRun = Run<Client, Call, void>

function scenario(bug: Bug): Scenario<Client, Call, void> {
  return {
    name: 'batcher',
    nodes: { db: database(bug) },
    clients: Object.fromEntries(CLIENTS.map((name) => [name, client(bug)])),
    workload: ({ random, clients }) =>
      Array.from({ length: OPERATIONS }, () => ({
        on: clients[Math.floor(random() * clients.length)] ?? 'c1',
        afterMs: Math.floor(random() * 20),
        call: { sku: random() < 0.7 ? 'mug' : 'lamp', units: 1 + Math.floor(random() * 2) },
      })),
    // A client's operation is three callers at once, so that there is something to batch.
    perform: async ({ env, queue, rpc }, { sku, units }) => {
      await Promise.all(
        ['a', 'b', 'c'].map(async (caller) => {
          const process = `${env.id}.${env.restarts}.${env.now()}.${caller}`
          const note = (text: string, output?: unknown): void =>
            env.log(text, { process, sku, units, output })
          note('take')
          try {
            const grant = await queue.request(sku, { sku }, -units)
            note('taken', grant !== undefined)
          } catch (error) {
            note(isQuorateError(error) && error.outcome === 'not-applied' ? 'failed' : 'unknown')
          }
        }),
      )
      const process = `${env.id}.${env.restarts}.${env.now()}.read`
      env.log('read', { process, sku })
      const left = await rpc.call<number>('db', 'read', sku, { timeoutMs: 80 }).catch(() => undefined)
      if (left !== undefined) env.log('seen', { process, sku, output: left })
    },
    check: (run) => judge(run),
    faults: { max: 5, withinMs: 300, forMs: [20, 150] },
  }
}

interface Note {
  readonly process: string
  readonly sku: string
  readonly units?: number
  readonly output?: unknown
}

function judge({ logs }: BatchRun): string | undefined {
  const history = createHistory()
  const calls = new Map<string, RecordedCall>()
  for (const { text, data } of logs) {
    const { process, sku, units, output } = data as Note
    if (text === 'take' || text === 'read') {
      calls.set(
        process,
        history.start({ process, op: text, key: sku, ...(text === 'take' && { input: units }) }),
      )
    }
    if (text === 'taken' || text === 'seen') calls.get(process)?.ok(output)
    if (text === 'failed') calls.get(process)?.fail()
    if (text === 'unknown') calls.get(process)?.unknown()
  }
  if (calls.size === 0) return undefined // a shrunk run, in which nobody asks for anything
  const { verdict, violations, reason } = checkNoOversell(history, { stock: STOCK })
  return verdict === 'ok' ? undefined : `${verdict}: ${violations[0]?.message ?? reason ?? ''}`
}

test('never oversells, and every grant is on the disk, whatever crashes, is cut off or comes twice', async () => {
  const count = seeds(400)
  const { operations, faults } = await simulate(scenario('none'), { seeds: count })
  expect(operations).toBe(count * OPERATIONS)
  expect(faults).toBeGreaterThan(count) // a test without faults shows nothing
})

const BUGS: readonly Bug[] = ['repeats what may have been applied', 'grants before the flush']

test.each(BUGS)('a batcher that %s is found', async (bug) => {
  const { failure } = await explore(scenario(bug), { seeds: 3_000 })
  expect(failure?.message).toMatch(/units|granted/)
})
