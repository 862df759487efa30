/**
 * The contract every lock store keeps, as cases for any test runner.
 * @packageDocumentation
 */
export { lockStoreContract, type LockStoreContractOptions, type LockStoreCase } from './contract.ts'
