import { describe, expect, it } from 'vitest'
import { parseHistory } from '../formats/index.ts'
import { dataOf, hasData, manifest, NO_DATA } from '../testing/shared-data.ts'
import { checkIsolation, type IsolationOptions } from './check-isolation.ts'

interface Expectation {
  readonly models?: readonly string[]
  readonly checkedAnomalies?: readonly string[]
  readonly assume?: IsolationOptions['assume']
  readonly valid: boolean
  readonly anomalies?: readonly string[]
  readonly not?: readonly string[]
}

const entries = hasData ? manifest().filter(({ file }) => file.startsWith('isolation/elle-')) : []

describe.skipIf(!hasData)(
  `checkIsolation() agrees with the histories of Elle (skipped if ${NO_DATA})`,
  () => {
    it('finds all of them', () => expect(entries).toHaveLength(29))

    for (const { file, model, expect: expectations } of entries) {
      it(`checkIsolation() agrees about ${file}`, () => {
        const history = parseHistory(dataOf(file), { file, model })
        for (const {
          models,
          checkedAnomalies,
          assume,
          valid,
          anomalies = [],
          not = [],
        } of expectations as unknown as Expectation[]) {
          const result = checkIsolation(history, {
            model: model as IsolationOptions['model'],
            level: models,
            anomalies: checkedAnomalies,
            assume,
          })
          expect(result).toMatchObject({ verdict: valid ? 'ok' : 'violated' })
          expect(result.violations.map(({ name }) => name)).toEqual(expect.arrayContaining([...anomalies]))
          expect(result.ruledOut).toEqual(expect.arrayContaining([...not]))
        }
      })
    }
  },
)

const sessions = hasData
  ? manifest().filter(({ file }) => /^isolation\/(awdit|dbcop|polysi-violations)\//.test(file))
  : []

describe.skipIf(!hasData)(
  `checkIsolation() agrees with histories of sessions (skipped if ${NO_DATA})`,
  () => {
    it('finds all of them', () => expect(sessions).toHaveLength(26))

    for (const { file, expect: expected, reference } of sessions) {
      it(`checkIsolation() agrees about ${file}`, () => {
        const history = parseHistory(dataOf(file), { file })
        for (const [level, holds] of [...Object.entries(expected), ...Object.entries(reference ?? {})]) {
          const { verdict } = checkIsolation(history, { model: 'rw-register', level })
          expect(`${level} ${verdict}`).toBe(`${level} ${holds === true ? 'ok' : 'violated'}`)
        }
      })
    }
  },
)
