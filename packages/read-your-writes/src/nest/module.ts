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
import { routerHost, type RouterHost } from './router-host.ts'
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
  readonly #modules: ModulesContainer

  constructor(host: RouterHost, modules: ModulesContainer) {
    this.#host = host
    this.#modules = modules
  }

  /**
   * @throws TypeError, RangeError at start, for options that make no sense, and for two modules of one name.
   */
  static forRoot<Request extends NestRequestLike = NestRequestLike>(
    options: ForRootOptions<Request>,
  ): DynamicModule {
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
    checkNames('set up ReadYourWritesModule', options, ASYNC_OPTIONS)
    const { name, global, imports } = options
    return { ...dynamicModule({ name, global }, optionProviders(options)), imports: imports ?? [] }
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(this.#host.middleware).forRoutes('{*path}')
  }

  /** @throws TypeError if another module has the same name: it would be left to chance which router is injected. */
  async onModuleInit(): Promise<void> {
    for (const { instance } of this.#modules.values()) {
      // By what it has, not by its class: the name of a class that names itself is lost in the build.
      if (instance === this || !(#host in instance) || instance.#host.name !== this.#host.name) continue
      const { name } = this.#host
      throw new TypeError(
        `Cannot set up ReadYourWritesModule: two have ${name === undefined ? 'no name' : `the name ${name}`}; ` +
          'import one dynamic module everywhere, or give each database a name',
      )
    }
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
Inject(ModulesContainer)(ReadYourWritesModule, undefined, 1)

/** @throws TypeError for a name that could be part of no cookie. */
function dynamicModule(
  { name, global = true }: Pick<ForRootOptions, 'name' | 'global'>,
  options: readonly Provider[],
): DynamicModule {
  if (name !== undefined && !/^[\w-]+$/.test(name)) {
    throw new TypeError(
      `Cannot set up ReadYourWritesModule: name must be of letters, digits, _ and -, got '${name}'`,
    )
  }
  const host: FactoryProvider<RouterHost> = {
    provide: HOST,
    useFactory: (given: ReadYourWritesModuleOptions) => routerHost(name, given),
    inject: [OPTIONS],
  }
  const router: FactoryProvider<RouterHost['db']> = {
    provide: readYourWritesToken(name),
    useFactory: ({ db }: RouterHost) => db,
    inject: [HOST],
  }
  return {
    module: ReadYourWritesModule,
    global,
    providers: [...options, host, router, ReadYourWritesHealthIndicator],
    exports: [router.provide, ReadYourWritesHealthIndicator],
  }
}

function optionProviders<Request extends NestRequestLike>({
  useFactory,
  useClass,
  useExisting,
  inject,
}: ForRootAsyncOptions<Request>): readonly Provider[] {
  if ([useFactory, useClass, useExisting].filter((way) => way !== undefined).length !== 1) {
    throw new TypeError(
      'Cannot set up ReadYourWritesModule: give exactly one of useFactory, useClass and useExisting',
    )
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
