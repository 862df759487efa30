import { expect, test } from 'vitest'
import { runStrategy } from './prove/run.ts'

const options = { seed: 7, pairs: 1_000 }
/** Servers start, stop and are replaced in each run: some 20 s on two busy cores. */
const RUN_MS = 120_000

test(
  'visitors through Express see their own writes, and nothing goes back, under lag, kill, cut and failover',
  async () => {
    const { stale, backward, judged, faults, pairs, reads, primaryReads } = await runStrategy(
      'quorate',
      options,
    )
    expect(faults).toEqual(['kill replica-2', 'partition replica-1', 'failover primary'])
    expect(pairs).toBe(options.pairs)
    expect([judged.readYourWrites.verdict, judged.monotonicReads.verdict]).toEqual(['ok', 'ok'])
    expect([stale, backward]).toEqual([0, 0])
    expect(primaryReads).toBeLessThan(reads)
  },
  RUN_MS,
)

test(
  'the same visitors with no router do not: what is judged above can fail',
  async () => {
    const { stale, backward, judged } = await runStrategy('any replica', options)
    expect(judged.readYourWrites).toMatchObject({ verdict: 'violated', violationCount: stale })
    expect(judged.monotonicReads).toMatchObject({ verdict: 'violated', violationCount: backward })
    expect(Math.min(stale, backward)).toBeGreaterThan(0)
  },
  RUN_MS,
)
