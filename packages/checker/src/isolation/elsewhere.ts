import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { checkWeakLevel } from '../sessions/check-weak-level.ts'
import type { IsolationOptions } from './check-isolation.ts'
import type { Judgement } from './judge.ts'
import type { Level } from './levels.ts'
import { solveLevel } from './solver/solve-level.ts'

/** Levels whose own rules, which are Adya's, allow more than `read-committed` of a history of sessions does. */
const ABOVE_READ_COMMITTED: ReadonlySet<string> = new Set([
  'read-committed',
  'monotonic-view',
  'cursor-stability',
])

/**
 * For a history of sessions `read-committed` is what its literature means by it, which is more than Adya's: a
 * transaction that read something new reads nothing older afterwards, nor anything else than what it wrote itself.
 * Does this level need that as well as what it forbids by name?
 */
export const needsMore = (history: History, level: Level): boolean =>
  !history.realTime && ABOVE_READ_COMMITTED.has(level.base)

/**
 * Registers whose versions are in no known order: `read-committed` (of sessions), `read-atomic` and `causal` can be
 * decided in any case, the levels from `prefix` on by search.
 *
 * `undefined` if the level is none of these.
 */
export function decideElsewhere(
  history: History,
  level: Level,
  judgement: Judgement,
  options: IsolationOptions,
  remainingMs: () => number,
): CheckResult | undefined {
  if (level.strength === 2 && !history.realTime) return undefined
  const result = ask(withNulls(history, judgement), level, options, remainingMs)
  if (result === undefined) return undefined
  // Nobody told them what is assumed: what they find to hold may not hold with it.
  const open = result.verdict === 'ok' && (options.assume ?? []).some((name) => name !== 'initial-state')
  return open
    ? {
        ...result,
        verdict: 'unknown',
        reason: 'some order of versions explains the reads, but none was found that keeps what is assumed',
      }
    : result
}

function ask(
  history: History,
  level: Level,
  { maxBytes, monotonic, maxViolations }: IsolationOptions,
  remainingMs: () => number,
): CheckResult | undefined {
  // Each of several checks has what those before it left.
  const budget = (): object => ({ maxTimeMs: remainingMs(), maxBytes, monotonic, maxViolations })
  const order = { sessionOrder: level.strength > 0, realTime: level.strength === 2 }
  switch (level.base) {
    case 'causal':
      return checkWeakLevel(history, 'causal', budget())
    case 'read-committed':
      return history.realTime ? undefined : readCommitted(history, level, budget)
    case 'read-atomic':
      // Its verdict includes the order of sessions, and no real time.
      return level.strength === 2
        ? undefined
        : checkWeakLevel(inItsSessions(history, level), 'read-atomic', budget())
    case 'prefix':
    case 'snapshot-isolation':
    case 'serializable':
      return solveLevel(history, { level: level.base, ...order, ...budget() })
    case 'repeatable-read':
      // Without predicates there is nothing that repeatable read allows and serializability does not.
      return solveLevel(history, { level: 'serializable', ...order, ...budget() })
    default:
      return between(history, level, order, budget)
  }
}

const readCommitted = (history: History, level: Level, budget: () => object): CheckResult =>
  checkWeakLevel(inItsSessions(history, level), 'read-committed', budget())

/** Levels between two that can be decided: what the stronger one allows they allow, what the weaker one forbids they forbid. */
function between(
  history: History,
  level: Level,
  order: { readonly sessionOrder: boolean; readonly realTime: boolean },
  budget: () => object,
): CheckResult | undefined {
  if (needsMore(history, level)) {
    const committed = readCommitted(history, level, budget)
    if (committed.verdict !== 'ok') return committed
  }
  const above = solveLevel(history, { level: 'snapshot-isolation', ...order, ...budget() })
  if (above.verdict === 'ok') return above
  if (level.strength === 2 || (level.base !== 'update-atomic' && level.base !== 'consistent-view'))
    return undefined
  const below = checkWeakLevel(inItsSessions(history, level), 'read-atomic', budget())
  return below.verdict === 'violated' ? below : undefined
}

/** With the sessions that the level includes. */
const inItsSessions = (history: History, level: Level): History =>
  level.strength === 0 ? withoutSessions(history) : history

/** Every transaction in a session of its own. */
const withoutSessions = (history: History): History => ({
  ...history,
  realTime: false,
  operations: history.operations.map((operation) => ({ ...operation, process: operation.index })),
})

/** The same history with null for what was taken for the initial state of a key. */
function withNulls(history: History, { initial, isInitial }: Judgement): History {
  if (initial === undefined || history.initial !== undefined || !initial.some((element) => element !== -1))
    return history
  const replace = (steps: unknown): unknown =>
    Array.isArray(steps)
      ? steps.map((step: unknown) =>
          Array.isArray(step) && isInitial(step[1], step[2]) && step[0] !== 'w'
            ? [step[0], step[1], null]
            : step,
        )
      : steps
  const operations = history.operations.map((operation): Operation => {
    if (operation.op === 'txn') return { ...operation, output: replace(operation.output) }
    return isInitial(operation.key, operation.output) ? { ...operation, output: null } : operation
  })
  return { ...history, operations }
}
