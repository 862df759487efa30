import { checkNames } from '@quorate/core'
import { checkRouter } from '../http/check-http-options.ts'
import type { Session } from '../session.ts'
import type { SessionRouter } from '../session-router.ts'
import {
  checkMetadataKey,
  checkModule,
  SESSION_METADATA_KEY,
  tokensOf,
  withToken,
  type GrpcOptions,
  type MetadataLike,
} from './metadata.ts'

/** The part of the module `@grpc/grpc-js` that clients need; handed in, so that there is one copy of it. */
export interface GrpcClientModule {
  readonly InterceptingCall: new (call: never, requester: never) => object
}

interface StatusLike {
  readonly metadata: MetadataLike
}

/** What is done to a call: the functions of a `Requester` and its `Listener`. */
interface Requester {
  start(
    metadata: MetadataLike,
    listener: unknown,
    next: (metadata: MetadataLike, listener: Listener) => void,
  ): void
}

interface Listener {
  onReceiveMetadata(metadata: MetadataLike, next: (metadata: MetadataLike) => void): void
  onReceiveStatus(status: StatusLike, next: (status: StatusLike) => void): void
}

/**
 * A client interceptor of `@grpc/grpc-js`: calls carry the token of the session they are made in, and the
 * session takes in what the service has written and seen. The service must sign with the same secret, or its
 * tokens send the session to the primary.
 *
 * @param grpc the module: `import * as grpc from '@grpc/grpc-js'`.
 * @throws TypeError for what is no router or no such module, for an unknown option, or a metadata key that gRPC does not take.
 *
 * @example
 * ```ts
 * const orders = new OrdersClient(address, credentials, { interceptors: [readYourWritesClient(db, grpc)] })
 * ```
 */
export function readYourWritesClient<Grpc extends GrpcClientModule>(
  db: SessionRouter,
  grpc: Grpc,
  options: GrpcOptions = {},
): <Options extends object>(
  options: Options,
  nextCall: (options: Options) => ConstructorParameters<Grpc['InterceptingCall']>[0],
) => InstanceType<Grpc['InterceptingCall']> {
  checkRouter('make a client interceptor', db)
  checkModule('make a client interceptor', grpc, 'InterceptingCall')
  checkNames('make a client interceptor', options, ['metadataKey'])
  const { metadataKey = SESSION_METADATA_KEY } = options
  checkMetadataKey('make a client interceptor', metadataKey)
  const requester = (session: Session): Requester => {
    const take = (metadata: MetadataLike): void => session.merge(tokensOf(metadata, metadataKey))
    return {
      start: (metadata, _listener, next) => {
        const { token } = session
        next(token === undefined ? metadata : withToken(metadata, metadataKey, token), {
          onReceiveMetadata: (received, pass) => {
            take(received)
            pass(received)
          },
          // Last of all, and before the caller has its answer.
          onReceiveStatus: (status, pass) => {
            take(status.metadata)
            pass(status)
          },
        })
      },
    }
  }
  return (callOptions, nextCall) => {
    const call = nextCall(callOptions)
    const session = db.current()
    // Outside of sessions there is nothing to carry: the interceptor then only passes on.
    const how = session === undefined ? {} : requester(session)
    return new grpc.InterceptingCall(call, how as never) as InstanceType<Grpc['InterceptingCall']>
  }
}
