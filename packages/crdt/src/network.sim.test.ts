// Five replicas of every type on a network that loses, doubles, reorders and cuts, with crashes, pauses and wrong
// clocks: they end with equal bytes, owe each other nothing, and no acknowledged edit is lost. 10,000 seeds in all;
// more per type: QUORATE_SEEDS=10000. A failure prints the line that repeats it.
import { explore, simulate } from '@quorate/chaos/sim'
import { describe, expect, test } from 'vitest'
import { SUBJECTS } from '../test/all-subjects.ts'
import { network } from '../test/network/replicas.ts'

const TOTAL = 10_000
const SEEDS = Number(process.env['QUORATE_SEEDS'] ?? Math.ceil(TOTAL / SUBJECTS.length))

describe.each(SUBJECTS)('$name', (subject) => {
  test(`${SEEDS} seeds: five replicas converge and lose nothing that was acknowledged`, async () => {
    const { failure, seeds } = await simulate(network(subject), { seeds: SEEDS })
    expect(failure).toBeUndefined()
    expect(seeds).toBe(SEEDS)
  })
})

describe('mistakes that must be found', () => {
  const [subject] = SUBJECTS
  if (subject === undefined) throw new Error('there is no type to test')

  test('an edit is acknowledged before it is on the disk', async () => {
    const { failure } = await explore(network(subject, { acknowledgeBeforeSync: true }), {
      seeds: 2_000,
      shrink: false,
    })
    expect(failure).toBeDefined()
  })

  test('nobody asks for what was lost on the way', async () => {
    const { failure } = await explore(network(subject, { gossip: false }), { seeds: 200, shrink: false })
    expect(failure?.message).toMatch(/replicas differ|a gap is left/)
  })
})
