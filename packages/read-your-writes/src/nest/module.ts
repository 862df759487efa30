import {
  Inject,
  Module,
  type DynamicModule,
  type FactoryProvider,
  type MiddlewareConsumer,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
} from '@nestjs/common'
import { ModulesContainer } from '@nestjs/core'
import { checkNames } from '@quorate/core'
import { ReadYourWritesHealthIndicator } from './health-indicator.ts'
import type {
  ForRootAsyncOptions,
  ForRootOptions,
  NestRequestLike,
  ReadYourWritesModuleOptions,
  ReadYourWritesOptionsFactory,
} from './options.ts'
import { ACTION, routerHost, type RouterHost } from './router-host.ts'
import { readYourWritesToken } from './tokens.ts'

/** Within one dynamic module only; not exported from it. */
const HOST = Symbol('@quorate/read-your-writes.host')
const OPTIONS = Symbol('@quorate/read-your-writes.options')
const OPTIONS_FACTORY = Symbol('@quorate/read-your-writes.options-factory')

const ASYNC_OPTIONS: readonly (keyof ForRootAsyncOptions)[] = [
  'name',
  'global',
  'imports',
  'inject',
  'useFactory',
  'useClass',
  'useExisting',
]

/**
 * Provides a router, and gives each HTTP request a session before guards, pipes and interceptors run: reads
 * and writes below find it by themselves, and its token goes out with the answer.
 *
 * It waits for the first word of all servers at start, and stops the router it has made when the application
 * has closed. Gateways, microservices and jobs have no session of themselves: hand a token on and open
 * `db.session({ token })` there.
 *
 * @example
 * ```ts
 * @Module({ imports: [ReadYourWritesModule.forRoot({ primary, replicas, secret })] })
 * export class AppModule {}
 * ```
 */
export class ReadYourWritesModule implements NestModule, OnModuleInit, OnApplicationShutdown {
  readonly #host: RouterHost

  constructor(host: RouterHost) {
    this.#host = host
  }

  /**
   * @throws TypeError, RangeError at start, for options that make no sense, and for two modules of one name.
   */
  static forRoot<Request extends NestRequestLike = NestRequestLike>(
    options: ForRootOptions<Request>,
  ): DynamicModule {
    mustBeObject(options)
    const { name, global, ...rest } = options
    return dynamicModule({ name, global }, [{ provide: OPTIONS, useValue: rest }])
  }

  /**
   * The same with options that come from other providers.
   *
   * @throws TypeError unless exactly one of `useFactory`, `useClass` and `useExisting` is given.
   * @throws TypeError, RangeError at start, as {@link forRoot}.
   *
   * @example
   * ```ts
   * ReadYourWritesModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ primary: …, replicas: …, secret: config.getOrThrow('SESSION_SECRET') }),
   * })
   * ```
   */
  static forRootAsync<Request extends NestRequestLike = NestRequestLike>(
    options: ForRootAsyncOptions<Request>,
  ): DynamicModule {
    mustBeObject(options)
    checkNames(ACTION, options, ASYNC_OPTIONS)
    const { name, global, imports } = options
    return { ...dynamicModule({ name, global }, optionProviders(options)), imports: imports ?? [] }
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(this.#host.middleware).forRoutes('{*path}')
  }

  async onModuleInit(): Promise<void> {
    await this.#host.ready()
  }

  /** When the server has closed: requests under way still need the router. */
  async onApplicationShutdown(): Promise<void> {
    await this.#host.end()
  }
}

// What decorators would do, which the build of a library had better not depend on.
Module({})(ReadYourWritesModule)
Inject(HOST)(ReadYourWritesModule, undefined, 0)

/** @throws TypeError for a name that could be part of no cookie. */
function dynamicModule(
  { name, global = true }: Pick<ForRootOptions, 'name' | 'global'>,
  options: readonly Provider[],
): DynamicModule {
  if (name !== undefined && !/^[\w-]+$/.test(name)) {
    throw new TypeError(`Cannot ${ACTION}: name must be of letters, digits, _ and -, got '${name}'`)
  }
  const token = readYourWritesToken(name)
  const host: FactoryProvider<RouterHost> = {
    provide: HOST,
    useFactory: (given: ReadYourWritesModuleOptions, modules: ModulesContainer) => {
      mustBeOnly(token, name, modules)
      return routerHost(name, given)
    },
    inject: [OPTIONS, ModulesContainer],
  }
  const router: FactoryProvider<RouterHost['db']> = {
    provide: token,
    useFactory: ({ db }: RouterHost) => db,
    inject: [HOST],
  }
  return {
    module: ReadYourWritesModule,
    global,
    providers: [...options, host, router, ReadYourWritesHealthIndicator],
    exports: [token, ReadYourWritesHealthIndicator],
  }
}

/** @throws TypeError if another module provides the same: it would be left to chance which router is injected. */
function mustBeOnly(token: symbol, name: string | undefined, modules: ModulesContainer): void {
  const count = [...modules.values()].filter(({ providers }) => providers.has(token)).length
  if (count === 1) return
  throw new TypeError(
    `Cannot ${ACTION}: ${count} modules have ${name === undefined ? 'no name' : `the name ${name}`}; ` +
      'import one dynamic module everywhere, or give each database a name',
  )
}

function mustBeObject(options: unknown): void {
  if (typeof options === 'object' && options !== null) return
  throw new TypeError(`Cannot ${ACTION}: options must be an object, got ${String(options)}; see their type`)
}

function optionProviders<Request extends NestRequestLike>({
  useFactory,
  useClass,
  useExisting,
  inject,
}: ForRootAsyncOptions<Request>): readonly Provider[] {
  if ([useFactory, useClass, useExisting].filter((way) => way !== undefined).length !== 1) {
    throw new TypeError(`Cannot ${ACTION}: give exactly one of useFactory, useClass and useExisting`)
  }
  if (useFactory !== undefined) {
    return [{ provide: OPTIONS, useFactory, inject: inject ?? [] }]
  }
  const options: FactoryProvider = {
    provide: OPTIONS,
    useFactory: (factory: ReadYourWritesOptionsFactory<Request>) => factory.createReadYourWritesOptions(),
    inject: [useExisting ?? OPTIONS_FACTORY],
  }
  return useClass === undefined ? [options] : [options, { provide: OPTIONS_FACTORY, useClass }]
}
