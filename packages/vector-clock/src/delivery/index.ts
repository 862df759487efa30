/**
 * Messages in causal order, whatever order they came in.
 * @packageDocumentation
 */
export { CausalBuffer, type CausalBufferOptions, type CausalMessage } from './causal-buffer.ts'
export { DependencyBuffer, type DependencyBufferOptions, type DependentMessage } from './dependency-buffer.ts'
export { DeliveryBufferFullError } from './errors.ts'
