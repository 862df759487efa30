/**
 * What did the system really promise? Histories of operations, checked.
 * @packageDocumentation
 */
export type { BudgetOptions } from './budget.ts'
export { HistoryContentError, HistoryFormatError } from './errors.ts'
export type { Fault, History } from './history.ts'
export type { Key, MicroOperation, Operation, Process, Status } from './operation.ts'
export type { CheckResult, Counterexample, Edge, Verdict, Violation } from './result.ts'
