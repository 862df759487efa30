/**
 * What did the system really promise? Histories of operations, checked.
 * @packageDocumentation
 */
export type { BudgetOptions } from './budget.ts'
export { HistoryContentError, HistoryFormatError } from './errors.ts'
export type { Fault, History } from './history.ts'
export {
  type BankOptions,
  checkBank,
  checkCausalReverse,
  checkConvergence,
  checkCounterBounds,
  checkExactlyOnce,
  checkLongFork,
  checkNoOversell,
  checkSet,
  checkSetFull,
  checkTotalQueue,
  checkUniqueIds,
  checkUnorderedQueue,
  type ConvergenceOptions,
  type CounterBoundsOptions,
  type CounterBoundsResult,
  type ExactlyOnceResult,
  type InvariantOptions,
  type LongForkResult,
  type NoOversellOptions,
  type NoOversellResult,
  type SetFullOptions,
  type SetFullResult,
  type SetResult,
  type TotalQueueResult,
  type UniqueIdsResult,
} from './invariants/index.ts'
export {
  casRegister,
  checkLinearizable,
  counter,
  fencedMutex,
  type FencedMutexOptions,
  type InitialOptions,
  kv,
  type LinearizableOptions,
  type Model,
  multiRegister,
  mutex,
  type MutexOptions,
  queue,
  register,
  set,
} from './linearizability/index.ts'
export { checkIsolation, type IsolationOptions } from './isolation/check-isolation.ts'
export type { Key, MicroOperation, Operation, Process, Status } from './operation.ts'
export {
  type CallDescription,
  type ClassifyError,
  createHistory,
  type CreateHistoryOptions,
  type RecordedCall,
  type RecordedFault,
  type RecordedHistory,
} from './recorder.ts'
export type { CheckResult, Counterexample, Edge, Verdict, Violation } from './result.ts'
export { type CausalOptions, type CausalVariant, checkCausal } from './sessions/check-causal.ts'
export {
  checkSessions,
  type CompareVersions,
  type SessionGuarantee,
  type SessionOptions,
} from './sessions/check-sessions.ts'
export { checkWeakLevel, type WeakLevel } from './sessions/check-weak-level.ts'
export type { WeakCheckOptions } from './sessions/weak-check.ts'
