/**
 * For tests: the contract every adapter keeps, and a replica that fails when told to.
 * @packageDocumentation
 */
export { type ContractCase, quorumReplicaContract, type QuorumReplicaFactory } from './contract.ts'
export { faultyReplica, type FaultyReplica } from './faulty-replica.ts'
