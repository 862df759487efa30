/**
 * One at a time for each key, within this process.
 * @packageDocumentation
 */
export {
  keyQueue,
  type KeyQueue,
  KeyQueueFullError,
  type KeyQueueOptions,
  type KeyQueueRunOptions,
  KeyQueueTimeoutError,
} from './key-queue.ts'
