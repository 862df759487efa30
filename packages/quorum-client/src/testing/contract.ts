import { isSame } from './equal.ts'
import type { QuorumReplica } from '../replica.ts'

/** Makes an empty replica; called once per case. Values of the cases are any JSON. */
export type QuorumReplicaFactory = () => Promise<QuorumReplica<unknown>> | QuorumReplica<unknown>

/** One case of the contract, for any test runner. */
export interface ContractCase {
  readonly name: string
  /** @throws Error if the replica breaks the contract. */
  readonly run: () => Promise<void>
}

/**
 * What every adapter must keep, as cases for any test runner.
 *
 * @example
 * ```ts
 * for (const { name, run } of quorumReplicaContract(() => myReplica())) test(name, run)
 * ```
 */
export function quorumReplicaContract(factory: QuorumReplicaFactory): ContractCase[] {
  return Object.entries(CASES).map(([name, run]) => ({ name, run: async () => run(await factory()) }))
}

const tag = (counter: number, writer = 'w'): string =>
  `018cc251f400-${counter.toString(16).padStart(4, '0')}-${writer}`

function same(what: string, actual: unknown, expected: unknown): void {
  if (isSame(actual, expected)) return
  throw new Error(`${what} must be ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`)
}

const CASES: Readonly<Record<string, (replica: QuorumReplica<unknown>) => Promise<void>>> = {
  'get() of an absent key is undefined': async (replica) => {
    same('get()', await replica.get('absent'), undefined)
  },
  'putIfNewer() stores into an empty place': async (replica) => {
    same('putIfNewer()', await replica.putIfNewer('k', { tag: tag(1), value: 'a' }), true)
    same('get()', await replica.get('k'), { tag: tag(1), value: 'a' })
  },
  'putIfNewer() replaces an older record': async (replica) => {
    await replica.putIfNewer('k', { tag: tag(1), value: 'a' })
    same('putIfNewer()', await replica.putIfNewer('k', { tag: tag(2), value: 'b' }), true)
    same('get()', await replica.get('k'), { tag: tag(2), value: 'b' })
  },
  'putIfNewer() leaves a newer record': async (replica) => {
    await replica.putIfNewer('k', { tag: tag(2), value: 'b' })
    same('putIfNewer()', await replica.putIfNewer('k', { tag: tag(1), value: 'a' }), false)
    same('get()', await replica.get('k'), { tag: tag(2), value: 'b' })
  },
  'putIfNewer() with an equal tag changes nothing, and is true: the record is there': async (replica) => {
    await replica.putIfNewer('k', { tag: tag(1), value: 'a' })
    same('putIfNewer()', await replica.putIfNewer('k', { tag: tag(1), value: 'b' }), true)
    same('get()', await replica.get('k'), { tag: tag(1), value: 'a' })
  },
  'tags order as bytes: capitals before small letters, 9 before a': async (replica) => {
    const order = [tag(1, 'B'), tag(1, 'Z.0'), tag(1, '_'), tag(1, 'a'), tag(1, 'a-b'), tag(9), tag(10)]
    for (const [index, next] of order.entries()) {
      same(`putIfNewer() of ${next}`, await replica.putIfNewer('k', { tag: next, value: index }), true)
      const older = await replica.putIfNewer('k', { tag: tag(1, 'A'), value: 'old' })
      same(`putIfNewer() of ${tag(1, 'A')}`, older, false)
    }
  },
  'of puts at once the greatest tag stays, whatever the order': async (replica) => {
    const tags = Array.from({ length: 20 }, (_, index) => tag((index * 7) % 20))
    await Promise.all(tags.map((one) => replica.putIfNewer('k', { tag: one, value: one })))
    same('get()', await replica.get('k'), { tag: tag(19), value: tag(19) })
  },
  'keys do not touch each other': async (replica) => {
    for (const key of ['k', 'K', 'k ', 'ключ', "'; DROP TABLE k; --"]) {
      await replica.putIfNewer(key, { tag: tag(1), value: key })
    }
    for (const key of ['k', 'K', 'k ', 'ключ', "'; DROP TABLE k; --"]) {
      same(`get(${key})`, await replica.get(key), { tag: tag(1), value: key })
    }
  },
  'values come back as they went': async (replica) => {
    const values = [0, -1.5, '', 'é😀', true, false, null, [], [1, [2]], { a: { b: null } }, { $1: "it's" }]
    for (const [index, value] of values.entries()) {
      await replica.putIfNewer('k', { tag: tag(index), value })
      same('get()', await replica.get('k'), { tag: tag(index), value })
    }
  },
  'getMany() gives the keys that are there, if the replica has it': async (replica) => {
    if (replica.getMany === undefined) return
    await replica.putIfNewer('a', { tag: tag(1), value: 1 })
    await replica.putIfNewer('b', { tag: tag(2), value: 2 })
    const found = await replica.getMany(['b', 'absent', 'a'])
    same('getMany()', [...found.keys()].toSorted(), ['a', 'b'])
    same('getMany()', found.get('b'), { tag: tag(2), value: 2 })
    same('getMany() of nothing', (await replica.getMany([])).size, 0)
  },
}
