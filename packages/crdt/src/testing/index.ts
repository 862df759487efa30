/**
 * The contract every document store keeps, as cases for any test runner.
 * @packageDocumentation
 */
export {
  documentStoreContract,
  type DocumentStoreCase,
  type DocumentStoreContractOptions,
} from './contract.ts'
