/**
 * Read-your-writes for NestJS, on the Express and the Fastify platform: each HTTP request has a session
 * before its first guard runs, and the router is injected.
 * @packageDocumentation
 */
export { type CarrierOptions, SESSION_HEADER } from '../http/carrier.ts'
export type { CookieOptions } from '../http/cookie.ts'
export type { RequestLike } from '../http/node-session.ts'
export { sessionOf } from '../http/request-session.ts'
export { ReadYourWritesExceptionFilter } from './exception-filter.ts'
export {
  type HealthCheckOptions,
  type HealthDetails,
  type HealthResult,
  ReadYourWritesHealthIndicator,
  type ReplicaHealth,
} from './health-indicator.ts'
export { ReadYourWritesModule } from './module.ts'
export type {
  ForRootAsyncOptions,
  ForRootOptions,
  NestRequestLike,
  ReadYourWritesModuleOptions,
  ReadYourWritesOptionsFactory,
  SessionRequestOptions,
} from './options.ts'
export { ReadLevel, ReadLevelInterceptor } from './read-level.ts'
export { InjectReadYourWrites, READ_YOUR_WRITES, readYourWritesToken } from './tokens.ts'
export { RywSession } from './session-decorator.ts'
