import type { History } from '../history.ts'
import { checkIsolation, type IsolationOptions } from '../isolation/check-isolation.ts'
import { levelOf } from '../isolation/levels.ts'
import type { CheckResult } from '../result.ts'
import { checkCausal } from '../sessions/check-causal.ts'
import type { Entry, RunOptions } from './entry.ts'

type Assumption = NonNullable<IsolationOptions['assume']>[number]

const ASSUMPTIONS: readonly Assumption[] = [
  'initial-state',
  'wfr-keys',
  'sequential-keys',
  'linearizable-keys',
]

/** Transactions, and what a session may rely on. */
export const ISOLATION: readonly Entry[] = [
  {
    name: 'list-append',
    about: 'txn of appends and reads of lists; strict-serializable unless --level says less',
    levelOf: (level) => levelOf(level).name,
    assumptions: ASSUMPTIONS,
    run: isolation('list-append'),
  },
  {
    name: 'rw-register',
    about: 'txn of writes and reads; strict-serializable, without real time serializable',
    levelOf: (level) => levelOf(level).name,
    assumptions: ASSUMPTIONS,
    run: isolation('rw-register'),
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

function isolation(model: IsolationOptions['model']) {
  return (history: History, { level, assume, ...budget }: RunOptions): CheckResult =>
    checkIsolation(history, { ...budget, model, level, assume: assume as Assumption[] })
}

function causalVariant(level: string): string {
  if (level === 'cc' || level === 'ccv') return level
  throw new RangeError(`the level of causal must be cc or ccv, not ${JSON.stringify(level)}`)
}
