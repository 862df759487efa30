/**
 * Read-your-writes for gRPC: the session's token travels in metadata, with interceptors for both sides.
 * @packageDocumentation
 */
export { sessionOf } from '../http/request-session.ts'
export { type GrpcClientModule, readYourWritesClient } from './client-interceptor.ts'
export { type GrpcOptions, type MetadataLike, SESSION_METADATA_KEY, sessionFromMetadata } from './metadata.ts'
export {
  type GrpcCall,
  type GrpcServerModule,
  type GrpcServerOptions,
  readYourWritesServer,
} from './server-interceptor.ts'
