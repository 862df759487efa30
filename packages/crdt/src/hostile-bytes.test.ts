// 100,000 changed messages, spread over all types: each is refused by a DecodeError that leaves the state alone, or
// is a state that can be read, edited and written. In processes with 96 MB of heap, so that a message of a few
// hundred bytes which asks for more memory than that fails the test. More: QUORATE_INPUTS=1000000; another course: QUORATE_SEED=7.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { SUBJECTS } from '../test/all-subjects.ts'
import type { HostileReport, HostileTask } from '../test/hostile-process.ts'

const INPUTS = Math.ceil(Number(process.env['QUORATE_INPUTS'] ?? 100_000) / SUBJECTS.length)
const SEED = Number(process.env['QUORATE_SEED'] ?? 20_260_101)

describe(`${INPUTS} hostile messages each, QUORATE_SEED=${SEED}`, () => {
  test.each(SUBJECTS)('$name', async ({ name }) => {
    const report = await attackOf({ type: name, seed: SEED, inputs: INPUTS })
    expect(report.wrong).toEqual([])
    expect(report.refused + report.valid).toBe(INPUTS)
    // Else the changes are too crude to get past the first check, or too mild to be refused.
    expect(report.refused).toBeGreaterThan(INPUTS / 4)
    expect(report.valid).toBeGreaterThan(INPUTS / 200)
  })
})

/** The report of a process of its own. Rejects if it dies, of hunger for memory for example. */
function attackOf(task: HostileTask): Promise<HostileReport> {
  return new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL('../test/hostile-process.ts', import.meta.url))
    const child = fork(program, [JSON.stringify(task)], {
      execArgv: ['--conditions=@quorate/source', '--max-old-space-size=96'],
    })
    child.once('message', (report) => resolve(report as HostileReport))
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      reject(new Error(`The process that decodes ${task.type} ended with ${signal ?? `code ${code}`}`))
    })
  })
}
