// A batcher in a world of faults, against the store's own books. More seeds: QUORATE_SEEDS=300000; another start:
// QUORATE_FIRST_SEED. A failure prints its seed.
import { expect, test } from 'vitest'
import { BatcherWorld } from './batcher-world.test-helper.ts'

const SEEDS = Number(process.env['QUORATE_SEEDS'] ?? 300)
const FIRST = Number(process.env['QUORATE_FIRST_SEED'] ?? 1)

test('whatever the store does and whenever callers come and leave: one true answer each, in turn, in time, and nothing is left', async () => {
  const met = new Map<string, number>()
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const world = new BatcherWorld(seed)
    await world.run()
    expect(world.problems, `seed ${seed}`).toEqual([])
    for (const [what, count] of world.met) met.set(what, (met.get(what) ?? 0) + count)
  }
  // A world in which these do not happen shows nothing of them.
  const kinds = [
    'retry',
    'yield',
    'split',
    'fail',
    'unknown',
    'lost',
    'hangs',
    'throws',
    'twin',
    'granted',
    'refused',
    'left',
  ]
  expect(kinds.filter((kind) => (met.get(kind) ?? 0) < SEEDS / 20)).toEqual([])
}, 3_600_000)
