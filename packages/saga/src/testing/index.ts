/**
 * A test kit: crash a saga at every point, and a contract for stores of your own.
 * @packageDocumentation
 */
export {
  type CrashCase,
  type CrashPoint,
  type CrashReport,
  everyCrashPoint,
  type EveryCrashPointOptions,
} from './every-crash-point.ts'
export { sagaStoreContract, type SagaStoreContractCase } from './store-contract.ts'
