import { checkNames } from '@quorate/core'
import { checkRouter } from '../http/check-http-options.ts'
import type { SessionRouter } from '../session-router.ts'
import {
  checkMetadataKey,
  checkModule,
  SESSION_METADATA_KEY,
  sessionFromMetadata,
  withToken,
  type GrpcOptions,
  type MetadataLike,
} from './metadata.ts'

/** The part of the module `@grpc/grpc-js` that servers need; handed in, so that there is one copy of it. */
export interface GrpcServerModule {
  readonly ServerInterceptingCall: new (call: never, responder: never) => object
  readonly Metadata: new () => MetadataLike
}

/** A call, as {@link GrpcServerOptions.key} sees it. */
export interface GrpcCall {
  readonly metadata: MetadataLike
  /** `/package.Service/Method` */
  readonly path: string
}

/** Options of {@link readYourWritesServer}. */
export interface GrpcServerOptions extends GrpcOptions {
  /**
   * Whose call it is, for example from a header that a gateway has checked. Users keep to one replica then,
   * and calls of one user at once cannot lose each other's tokens within this process.
   */
  readonly key?: ((call: GrpcCall) => string | undefined) | undefined
}

interface StatusLike {
  readonly metadata?: MetadataLike | null | undefined
}

/** What is done to a call: the functions of a `Responder` and its `ServerListener`. */
interface Responder {
  start(next: (listener: Listener) => void): void
  sendStatus(status: StatusLike, next: (status: StatusLike) => void): void
}

interface Listener {
  onReceiveMetadata(metadata: MetadataLike, next: (metadata: MetadataLike) => void): void
  onReceiveMessage(message: unknown, next: (message: unknown) => void): void
  onReceiveHalfClose(next: () => void): void
}

/**
 * A server interceptor of `@grpc/grpc-js` (1.10 or later): each call, of all four kinds, runs in the session
 * that its metadata names, and the token goes back in the trailing metadata, with errors too. Code that has
 * lost its asynchronous context asks `sessionOf(call.metadata)`.
 *
 * What a handler writes after it has answered is too late for the client to learn of.
 *
 * @param grpc the module: `import * as grpc from '@grpc/grpc-js'`.
 * @throws TypeError for what is no router or no such module, for an unknown option, or a metadata key that gRPC does not take.
 *
 * @example
 * ```ts
 * const server = new grpc.Server({ interceptors: [readYourWritesServer(db, grpc)] })
 * ```
 */
export function readYourWritesServer<Grpc extends GrpcServerModule>(
  db: SessionRouter,
  grpc: Grpc,
  options: GrpcServerOptions = {},
): (
  definition: { readonly path: string },
  call: ConstructorParameters<Grpc['ServerInterceptingCall']>[0],
) => InstanceType<Grpc['ServerInterceptingCall']> {
  checkRouter('make a server interceptor', db)
  checkModule('make a server interceptor', grpc, 'ServerInterceptingCall')
  checkNames('make a server interceptor', options, ['key', 'metadataKey'])
  const { key, metadataKey = SESSION_METADATA_KEY } = options
  checkMetadataKey('make a server interceptor', metadataKey)
  const responder = ({ path }: { readonly path: string }): Responder => {
    // Until the metadata has come there is no session, and nothing that could move a token.
    let session = db.session()
    return {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, pass) => {
            session = sessionFromMetadata(db, metadata, { metadataKey, key: key?.({ metadata, path }) })
            db.run(session, () => pass(metadata))
          },
          onReceiveMessage: (message, pass) => db.run(session, () => pass(message)),
          onReceiveHalfClose: (pass) => db.run(session, pass),
        })
      },
      sendStatus: (status, next) => {
        const { token } = session
        if (!session.changed || token === undefined) {
          next(status)
          return
        }
        const metadata = withToken(status.metadata ?? new grpc.Metadata(), metadataKey, token)
        next({ ...status, metadata })
      },
    }
  }
  return (definition, call) =>
    new grpc.ServerInterceptingCall(call, responder(definition) as never) as InstanceType<
      Grpc['ServerInterceptingCall']
    >
}
