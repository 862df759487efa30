// Session guarantees, causal consistency and the weak levels, of 1,000,000 operations in 20 sessions.
import {
  checkCausal,
  checkSessions,
  checkWeakLevel,
  type CheckResult,
  type History,
  type Operation,
  type Verdict,
} from '@quorate/checker'
import type { Case, Group } from '../harness/index.ts'

const OPERATIONS = 1_000_000
const SESSIONS = 20
const KEYS = 1000

/** For the bench's own line of what is measured. */
export const sessionsWorkload = `${OPERATIONS.toLocaleString('en-US')} reads and writes, half and half, of ${KEYS} keys in ${SESSIONS} sessions, 20 open at a time; one primary, and a replica per session that lags by up to 200 writes but never behind what its session wrote or read`

/** CPU time of each check, and the bytes of its tables by its own count. Built when the group is asked for. */
export function sessionsGroup(): Group {
  const good = replicated()
  const stale = withStaleRead(good)
  return {
    title: 'sessions and causality, 1,000,000 operations',
    units: { CPU: 'ms', tables: 'MiB' },
    cases: [
      check('checkSessions, real-time', 'ok', () => checkSessions(good, { versionOrder: 'real-time' })),
      check('checkSessions, one stale read', 'violated', () =>
        checkSessions(stale, { versionOrder: 'real-time' }),
      ),
      check('checkSessions, ascending', 'ok', () => checkSessions(good, { versionOrder: 'ascending' })),
      check('checkCausal, cc', 'ok', () => checkCausal(good, { variant: 'cc' })),
      check('checkCausal, ccv', 'ok', () => checkCausal(good)),
      check('checkCausal, ccv, one stale read', 'violated', () => checkCausal(stale)),
      check('read-atomic', 'ok', () => checkWeakLevel(good, 'read-atomic')),
      check('read-committed', 'ok', () => checkWeakLevel(good, 'read-committed')),
    ],
  }
}

function check(name: string, expected: Verdict, run: () => CheckResult): Case {
  return {
    name,
    round: () => {
      const before = process.cpuUsage()
      const { verdict, stats } = run()
      const { user, system } = process.cpuUsage(before)
      if (verdict !== expected) throw new Error(`${name} is ${verdict}, expected ${expected}`)
      return { CPU: (user + system) / 1000, tables: (stats['bytes'] ?? Number.NaN) / 2 ** 20 }
    },
  }
}

/** Writes are numbered by the primary; a session sees all up to a number that only grows. */
function replicated(): History {
  const random = randomOf(42)
  const versions: { readonly at: number; readonly value: number }[][] = Array.from({ length: KEYS }, () => [])
  const seen = Array.from({ length: SESSIONS }, () => 0)
  const operations: Operation[] = []
  let log = 0
  for (let index = 0; index < OPERATIONS; index++) {
    const session = index % SESSIONS
    const number = random(KEYS)
    const of = versions[number]!
    const times = { start: index * 2, end: (index + SESSIONS) * 2 - 1 }
    const common = { index, process: session, key: `sku-${number}`, status: 'ok', ...times } as const
    seen[session] = Math.max(seen[session]!, log - random(200))
    if (random(2) === 0) {
      seen[session] = ++log
      of.push({ at: log, value: index })
      operations.push({ ...common, op: 'write', input: index })
    } else {
      const value = of.findLast(({ at }) => at <= seen[session]!)?.value ?? null
      operations.push({ ...common, op: 'read', output: value })
    }
  }
  return { operations, faults: [], realTime: true }
}

/** In the middle, one read returns what its session had overwritten. */
function withStaleRead(history: History): History {
  const own = new Map<string, unknown[]>()
  let changed = false
  const operations = history.operations.map((operation) => {
    const key = `${operation.process} ${operation.key}`
    const wrote = own.get(key) ?? []
    if (operation.op === 'write') own.set(key, [...wrote.slice(-1), operation.input])
    if (changed || operation.op !== 'read' || operation.index < OPERATIONS / 2 || wrote.length < 2)
      return operation
    changed = true
    return { ...operation, output: wrote[0] }
  })
  return { ...history, operations }
}

/** Whole numbers below `below`, always the same (a linear congruence, Numerical Recipes). */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return Math.floor(((state >>> 0) / 2 ** 32) * below)
  }
}
