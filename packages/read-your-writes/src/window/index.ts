/**
 * Read-your-writes by a time window, for stores whose replicas have no positions: a guess, and no guarantee.
 * @packageDocumentation
 */
export type { SessionOptions, SessionRouter } from '../session-router.ts'
export type { Session } from '../session.ts'
export type { TokenRejection } from '../signed-bytes.ts'
export type { WindowEvent, WindowReason } from './events.ts'
export type { ReadYourWritesWindowOptions, WindowLevel, WindowReplicaOptions } from './options.ts'
export {
  type ReadYourWritesWindow,
  readYourWritesWindow,
  type WindowReadOptions,
  type WindowWork,
  type WindowWriteOptions,
} from './read-your-writes-window.ts'
