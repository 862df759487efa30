import type { FactoryProvider, ModuleMetadata, Type } from '@nestjs/common'
import type { CarrierOptions } from '../http/carrier.ts'
import type { RequestLike } from '../http/node-session.ts'
import type { ReadYourWritesOptions } from '../options.ts'
import type { ReadYourWrites } from '../router-api.ts'
import type { SessionRouter } from '../session-router.ts'

/** The part of a request that is used here: that of Express, or on Fastify the one of `node:http` beneath. */
export interface NestRequestLike extends RequestLike {
  /** `https` if the client speaks TLS, as far as the platform's trust in proxies allows to tell. */
  readonly protocol?: string | undefined
}

/** How a request gets its session. */
export interface SessionRequestOptions<
  Request extends NestRequestLike = NestRequestLike,
> extends CarrierOptions {
  /**
   * Whose request it is. Users keep to one replica then, and requests of one user at once cannot lose each
   * other's tokens within this process. Asked before guards run: what they put on the request is not there
   * yet, and on Fastify it is the request of `node:http`.
   */
  readonly key?: ((request: Request) => string | undefined) | undefined
  /**
   * How long the application may take to start for the sake of replicas that were not asked yet, ms; until
   * each was, reads go to the primary. Default 5,000; 0: not at all.
   */
  readonly readyMs?: number | undefined
}

/** Router options, of which the module makes a router that it stops at shutdown; or a router of yours. */
export type ReadYourWritesModuleOptions<Request extends NestRequestLike = NestRequestLike> =
  SessionRequestOptions<Request> &
    (
      | (ReadYourWritesOptions & {
          readonly db?: undefined
          /**
           * Ends all pools at shutdown, after the router has given back its connections. Default `false`:
           * end them after `await app.close()`. A hook that awaits `pool.end()` earlier waits for ever.
           */
          readonly endPools?: boolean | undefined
        })
      | {
          /** Made elsewhere, and stopped there; for whichever store. */
          readonly db: SessionRouter & Partial<Pick<ReadYourWrites, 'ready'>>
        }
    )

/** What is to be known of a module before its options are. */
interface ModuleIdentity {
  /**
   * For the second database of an application: goes into the injection token, and into the defaults of cookie
   * and header, as `quorate-session-<name>` and `Quorate-Session-<name>`. Letters, digits, `_` and `-`.
   */
  readonly name?: string | undefined
  /** Can all modules inject the router? Default `true`; also puts its middleware before those of other modules. */
  readonly global?: boolean | undefined
}

/** Options of {@link ReadYourWritesModule.forRoot}. */
export type ForRootOptions<Request extends NestRequestLike = NestRequestLike> =
  ReadYourWritesModuleOptions<Request> & ModuleIdentity

/** A class that makes the options, for `useClass` and `useExisting`. */
export interface ReadYourWritesOptionsFactory<Request extends NestRequestLike = NestRequestLike> {
  createReadYourWritesOptions():
    | ReadYourWritesModuleOptions<Request>
    | Promise<ReadYourWritesModuleOptions<Request>>
}

/** Options of {@link ReadYourWritesModule.forRootAsync}: one of `useFactory`, `useClass` and `useExisting`. */
export interface ForRootAsyncOptions<
  Request extends NestRequestLike = NestRequestLike,
> extends ModuleIdentity {
  readonly imports?: ModuleMetadata['imports'] | undefined
  /** What `useFactory` is called with. */
  readonly inject?: FactoryProvider['inject'] | undefined
  /** Parameters as `inject` lists them, which no type can tell. */
  readonly useFactory?:
    | ((
        ...injected: never[]
      ) => ReadYourWritesModuleOptions<Request> | Promise<ReadYourWritesModuleOptions<Request>>)
    | undefined
  readonly useClass?: Type<ReadYourWritesOptionsFactory<Request>> | undefined
  readonly useExisting?: Type<ReadYourWritesOptionsFactory<Request>> | undefined
}
