// 100,000 changed messages, spread over all types: each is refused by a DecodeError that leaves the state alone, or
// is a state that can be read, edited and written. In threads with 96 MB of heap, so that a message of a few hundred
// bytes which asks for more memory than that fails the test. More: QUORATE_INPUTS=1000000; another course: QUORATE_SEED=7.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { SUBJECTS } from '../test/all-subjects.ts'
import type { HostileReport, HostileTask } from '../test/hostile-worker.ts'

const INPUTS = Math.ceil(Number(process.env['QUORATE_INPUTS'] ?? 100_000) / SUBJECTS.length)
const SEED = Number(process.env['QUORATE_SEED'] ?? 20_260_101)

describe(`${INPUTS} hostile messages each, QUORATE_SEED=${SEED}`, () => {
  test.each(SUBJECTS)('$name', async ({ name }) => {
    const workerData: HostileTask = { type: name, seed: SEED, inputs: INPUTS }
    const worker = new Worker(new URL('../test/hostile-worker.ts', import.meta.url), {
      workerData,
      execArgv: ['--conditions=@quorate/source'],
      resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 32 },
    })
    try {
      const [report] = (await once(worker, 'message')) as [HostileReport]
      expect(report.wrong).toEqual([])
      expect(report.refused + report.valid).toBe(INPUTS)
      // Else the changes are too crude to get past the first check, or too mild to be refused.
      expect(report.refused).toBeGreaterThan(INPUTS / 4)
      expect(report.valid).toBeGreaterThan(INPUTS / 200)
    } finally {
      await worker.terminate()
    }
  })
})
