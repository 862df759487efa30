import { describe, expect, it } from 'vitest'
import { parseHistory } from '../../formats/index.ts'
import { dataOf, hasData, manifest, NO_DATA } from '../../testing/shared-data.ts'
import type { SolverLevel } from './problem.ts'
import { solveLevel } from './solve-level.ts'
import { keepsByPoints } from './testing/brute-force.ts'
import { restricted } from './testing/restricted.ts'

const LEVELS: Readonly<Record<string, SolverLevel>> = {
  PC: 'prefix',
  SI: 'snapshot-isolation',
  SER: 'serializable',
}

const entries = hasData ? manifest().filter(({ file }) => /^isolation\/(awdit|dbcop|polysi)/.test(file)) : []
/** What the collection says, and what its keepers found by trying everything. */
const known = entries.flatMap(({ file, expect: says, reference }) =>
  Object.entries({ ...(says as Record<string, boolean>), ...reference })
    .filter(([level]) => level in LEVELS)
    .map(([level, keeps]) => [file, LEVELS[level] as SolverLevel, keeps ? 'ok' : 'violated'] as const),
)

/**
 * Not in the collection: all these were recorded at snapshot isolation, and two of them are not serializable. `ok` comes
 * with a serial order that was run; of the few transactions that a violation names all orders are tried below.
 */
const FOUND: readonly (readonly [string, SolverLevel, 'ok' | 'violated'])[] = [
  ['fig7_20_100_15_10000_0.5_hotspot', 'serializable', 'violated'],
  ['fig7_20_100_15_10000_0_uniform', 'serializable', 'ok'],
  ['fig7_20_100_15_10000_1_uniform', 'serializable', 'ok'],
  ['fig7_20_10_15_10000_0.5_uniform', 'serializable', 'ok'],
  ['fig7_20_250_15_10000_0.5_uniform', 'serializable', 'violated'],
  ['fig8_9_10_25_400_8_10000_0.3_uniform', 'serializable', 'ok'],
  ['fig8_9_10_25_400_8_10000_0.95_uniform', 'serializable', 'ok'],
  ['rubis-10000', 'serializable', 'ok'],
]

describe.skipIf(!hasData)(
  `solveLevel() on the histories of AWDIT, dbcop and PolySI (skipped if ${NO_DATA})`,
  { timeout: 60_000 },
  () => {
    it('has 72 verdicts to meet', () => {
      expect(known.length).toBe(72)
    })

    it.each(known)('%s: %s is %s', (file, level, verdict) => {
      const result = solveLevel(parseHistory(dataOf(file), { file }), { level })
      expect(result.verdict).toBe(verdict)
    })

    it.each(FOUND)('%s: %s is %s', (name, level, verdict) => {
      const file = `isolation/polysi-valid/${name}.txt.gz`
      const history = parseHistory(dataOf(file), { file })
      const { verdict: found, violations } = solveLevel(history, { level })
      expect(found).toBe(verdict)
      const order = { sessionOrder: true, realTime: false }
      for (const { operations } of violations) {
        expect(operations.length).toBeLessThan(15)
        expect(keepsByPoints(restricted(history, operations), level, order)).toBe(false)
      }
    })
  },
)
