import type { History } from '../history.ts'
import { checkIsolation, type IsolationOptions } from '../isolation/check-isolation.ts'
import { levelOf } from '../isolation/levels.ts'
import type { SolverLevel } from '../isolation/solver/problem.ts'
import { solveLevel } from '../isolation/solver/solve-level.ts'
import type { CheckResult } from '../result.ts'
import { checkCausal } from '../sessions/check-causal.ts'
import { checkSessions, type SessionGuarantee, type SessionOptions } from '../sessions/check-sessions.ts'
import { checkWeakLevel, type WeakLevel } from '../sessions/check-weak-level.ts'
import type { Entry, RunOptions } from './entry.ts'

type Assumption = NonNullable<IsolationOptions['assume']>[number]

const ASSUMPTIONS: readonly Assumption[] = [
  'initial-state',
  'wfr-keys',
  'sequential-keys',
  'linearizable-keys',
]
const VERSION_ORDERS = [
  'real-time',
  'ascending',
  'none',
] as const satisfies readonly SessionOptions['versionOrder'][]
const GUARANTEES: Readonly<Record<string, SessionGuarantee>> = {
  RYW: 'read-your-writes',
  MR: 'monotonic-reads',
  MW: 'monotonic-writes',
  WFR: 'writes-follow-reads',
}
const WEAK: ReadonlySet<string> = new Set<WeakLevel>(['read-committed', 'read-atomic', 'causal'])
const SOLVED: ReadonlySet<string> = new Set<SolverLevel>(['prefix', 'snapshot-isolation', 'serializable'])

/** Transactions, and what a session may rely on. */
export const ISOLATION: readonly Entry[] = [
  {
    name: 'list-append',
    about: 'txn of appends and reads of lists; strict-serializable unless --level says less',
    levelOf: (level) => levelOf(level).name,
    assumptions: ASSUMPTIONS,
    run: (history, options) => isolation(history, 'list-append', options),
  },
  {
    name: 'rw-register',
    about: 'txn of writes and reads; strict-serializable, without real time serializable',
    levelOf: (level) => levelOf(level).name,
    assumptions: ASSUMPTIONS,
    run: (history, options) => keptAnyway(history, options) ?? isolation(history, 'rw-register', options),
  },
  {
    name: 'sessions',
    about: `${Object.values(GUARANTEES).join(', ')}, or the one that --level names; --assume ${VERSION_ORDERS.join(' or ')}`,
    levelOf: guaranteeOf,
    assumptions: VERSION_ORDERS,
    run: sessions,
  },
  {
    name: 'causal',
    about:
      'causes are seen before their effects, by one order of all writes; --level cc: by one for each reader',
    defaultLevel: 'ccv',
    levelOf: causalVariant,
    run: (history, { level, ...budget }) =>
      checkCausal(history, { ...budget, variant: level as 'cc' | 'ccv' }),
  },
]

function isolation(history: History, model: IsolationOptions['model'], options: RunOptions): CheckResult {
  const { level, assume, ...budget } = options
  return checkIsolation(history, { ...budget, model, level, assume: assume as Assumption[] })
}

function sessions(history: History, { level, assume, ...budget }: RunOptions): CheckResult {
  if (assume.length > 1) throw new RangeError(`there must be one order of versions, not ${assume.join(', ')}`)
  return checkSessions(history, {
    ...budget,
    guarantees: level === undefined ? undefined : [level as SessionGuarantee],
    versionOrder: assume[0] as (typeof VERSION_ORDERS)[number] | undefined,
  })
}

/**
 * Of sessions without real time most levels can be shown to hold without looking for anomalies, which takes many
 * times as long. `undefined` if that is not so: then the anomalies have names worth knowing.
 */
function keptAnyway(
  history: History,
  { level = 'serializable', assume, ...budget }: RunOptions,
): CheckResult | undefined {
  if (history.realTime || assume.length > 0) return undefined
  const result = WEAK.has(level)
    ? checkWeakLevel(history, level as WeakLevel, budget)
    : SOLVED.has(level)
      ? solveLevel(history, { ...budget, level: level as SolverLevel, maxViolations: 0 })
      : undefined
  return result?.verdict === 'ok' ? { ...result, promise: level } : undefined
}

function guaranteeOf(name: string): string {
  const all = Object.values(GUARANTEES)
  const guarantee = Object.hasOwn(GUARANTEES, name) ? GUARANTEES[name] : all.find((one) => one === name)
  if (guarantee !== undefined) return guarantee
  throw new RangeError(`no session guarantee ${JSON.stringify(name)}; there are ${all.join(', ')}`)
}

function causalVariant(level: string): string {
  if (level === 'cc' || level === 'ccv') return level
  throw new RangeError(`the level of causal must be cc or ccv, not ${JSON.stringify(level)}`)
}
