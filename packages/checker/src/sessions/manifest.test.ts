import { describe, expect, test } from 'vitest'
import { parseHistory } from '../formats/index.ts'
import { dataOf, hasData, manifest, NO_DATA } from '../testing/shared-data.ts'
import { checkWeakLevel, type WeakLevel } from './check-weak-level.ts'

const LEVELS: readonly (readonly [short: string, level: WeakLevel])[] = [
  ['RC', 'read-committed'],
  ['RA', 'read-atomic'],
  ['CC', 'causal'],
]

const entries = hasData
  ? manifest().filter((entry) => !Array.isArray(entry.expect) && 'RC' in entry.expect)
  : []

describe.skipIf(!hasData)(
  `RC, RA and CC of histories from AWDIT, dbcop and PolySI (skipped if ${NO_DATA})`,
  () => {
    test('there are 34 of them', () => expect(entries.length).toBe(34))

    for (const entry of entries) {
      test(`checkWeakLevel() agrees about ${entry.file}`, () => {
        const history = parseHistory(dataOf(entry.file), { file: entry.file })
        const verdicts = LEVELS.map(([short, level]) => [short, checkWeakLevel(history, level).verdict])
        const expected = entry.expect as Record<string, boolean>
        expect(Object.fromEntries(verdicts)).toEqual(
          Object.fromEntries(LEVELS.map(([short]) => [short, expected[short] === true ? 'ok' : 'violated'])),
        )
      })
    }
  },
)
