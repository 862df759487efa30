// Linearizability, each case in a process of its own: CPU time of the check alone, peak memory of the whole process.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  casRegister,
  type CheckResult,
  checkLinearizable,
  type History,
  kv,
  type Operation,
  register,
} from '@quorate/checker'
import { parseHistory } from '@quorate/checker/formats'
import type { Group } from '../harness/index.ts'
import { registerHistory, type RegisterWorkload } from './workloads.ts'

const HISTORIES = join(import.meta.dirname, '../../../shared/data/histories/linearizability')
const hasHistories = existsSync(HISTORIES)

interface Work {
  /** Porcupine's CPU ms on a history of this kind, from design/checker.md (Go 1.19); 60,000: it did not finish. */
  readonly porcupineMs: number
  /** Builds the histories, which is not measured; answers the check. */
  readonly prepare: () => () => readonly CheckResult[]
  readonly expected?: CheckResult['verdict']
}

const big = (
  operations: number,
  clients: number,
  values: RegisterWorkload['values'],
  porcupineMs: number,
  algorithm: 'auto' | 'search',
): Work => ({
  porcupineMs,
  expected: 'ok',
  prepare() {
    const history = registerHistory({ operations, clients, values, seed: 1 })
    return () => [checkLinearizable(history, register(), { algorithm })]
  },
})

const real: Record<string, Work> = {
  // The figure of design/checker.md is for 102 logs; 51 of them may be passed on, so half of it.
  '51 etcd logs': {
    porcupineMs: 749 / 2,
    prepare() {
      const folder = join(HISTORIES, 'etcd-jepsen')
      const histories = readdirSync(folder).map((file) =>
        parseHistory(readFileSync(join(folder, file), 'utf8'), { file }),
      )
      return () => histories.map((history) => checkLinearizable(history, casRegister(), { minimize: false }))
    },
  },
  'kv c50, an early read changed, with counterexample': badKv(0.2),
  'kv c50, a late read changed, with counterexample': badKv(0.8),
}

const works: Record<string, Work> = {
  ...(hasHistories ? real : {}),
  '50k operations, 10 clients, 5 values': big(50_000, 10, 5, 4_644, 'search'),
  '50k operations, 10 clients, unique values, sorted': big(50_000, 10, 'unique', 4_644, 'auto'),
  '50k operations, 10 clients, unique values, searched': big(50_000, 10, 'unique', 4_644, 'search'),
  '100k operations, 10 clients, 5 values': big(100_000, 10, 5, 60_000, 'search'),
  '100k operations, 10 clients, unique values, sorted': big(100_000, 10, 'unique', 60_000, 'auto'),
  '20k operations, 50 clients, 5 values': big(20_000, 50, 5, 60_000, 'search'),
  '20k operations, 50 clients, unique values, sorted': big(20_000, 50, 'unique', 60_000, 'auto'),
  '20k operations, 50 clients, unique values, searched': big(20_000, 50, 'unique', 60_000, 'search'),
}

/** What is measured; `porcupine` is quoted, not measured. */
export const linearizabilityGroup: Group = {
  title: 'linearizability',
  units: { cpu: 'ms', 'peak memory': 'MB', 'porcupine (quoted)': 'ms' },
  cases: Object.entries(works).map(([name, { porcupineMs }]) => ({
    name,
    round: () => ({ ...measured(name), 'porcupine (quoted)': porcupineMs }),
  })),
}

export const linearizabilityWorkload: string =
  'linearizability: registers simulated with seed 1, half of the operations reads, about two thirds of the clients ' +
  'have one open; kv c50 is c50-ok of Porcupine with the first append missing in one read' +
  (hasHistories ? '' : '; the real histories are not on this machine')

function measured(name: string): { cpu: number; 'peak memory': number } {
  const { stdout, stderr, status } = spawnSync(process.execPath, [import.meta.filename, name], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`Cannot measure ${name}: ${stderr}`)
  return JSON.parse(stdout) as { cpu: number; 'peak memory': number }
}

/** That share of the way in, a read misses the first append that it saw. */
function badKv(share: number): Work {
  return {
    porcupineMs: 60_000,
    expected: 'violated',
    prepare() {
      const text = readFileSync(join(HISTORIES, 'kv/c50-ok.txt'), 'utf8')
      const history = parseHistory(text, { file: 'c50-ok.txt', model: 'kv' })
      const { operations } = history
      const reads = operations.filter(({ op, output }) => op === 'get' && String(output).length > 20)
      const target = reads[Math.floor(reads.length * share)]
      if (target === undefined) throw new Error('Cannot change a read: there is none')
      const seen = String(target.output)
      const changed: Operation = { ...target, output: seen.slice(seen.indexOf('y') + 1) }
      const bad: History = {
        ...history,
        operations: operations.map((operation) => (operation === target ? changed : operation)),
      }
      return () => [checkLinearizable(bad, kv())]
    },
  }
}

function runOne({ prepare, expected }: Work): void {
  const check = prepare()
  const before = process.cpuUsage()
  const results = check()
  const { user, system } = process.cpuUsage(before)
  for (const { verdict, counterexample } of results) {
    if (verdict === 'unknown' || (expected !== undefined && verdict !== expected))
      throw new Error(`Wrong answer: ${verdict} instead of ${expected ?? 'a verdict'}`)
    if (expected === 'violated' && counterexample === undefined) throw new Error('There is no counterexample')
  }
  console.log(
    JSON.stringify({ cpu: (user + system) / 1_000, 'peak memory': process.resourceUsage().maxRSS / 1_024 }),
  )
}

if (process.argv[1] === import.meta.filename) {
  const work = works[process.argv[2] ?? '']
  if (work === undefined) throw new Error(`No such case: ${process.argv[2]}`)
  runOne(work)
}
