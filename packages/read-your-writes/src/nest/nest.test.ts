import {
  Injectable,
  Module,
  type ArgumentsHost,
  type DynamicModule,
  type INestApplicationContext,
  type LoggerService,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common'
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js'
import { HttpAdapterHost, NestFactory } from '@nestjs/core'
import { VirtualClock } from '@quorate/core'
import { firstValueFrom, type Observable } from 'rxjs'
import { expect, test } from 'vitest'
import { NotPrimaryError } from '../errors.ts'
import { readYourWrites, type PgPool, type ReadYourWrites, type ReadYourWritesOptions } from '../index.ts'
import type { SessionRouter } from '../session-router.ts'
import {
  READ_YOUR_WRITES,
  ReadYourWritesExceptionFilter,
  ReadYourWritesHealthIndicator,
  ReadYourWritesModule,
  readYourWritesToken,
  RywSession,
  type ForRootAsyncOptions,
  type ForRootOptions,
  type ReadYourWritesModuleOptions,
} from './index.ts'

const pool = (connect: PgPool['connect'] = () => Promise.reject(new Error('no server'))): PgPool => ({
  connect,
})
const never = (): Promise<never> => new Promise(() => {})

const routerOptions = (more: Partial<ReadYourWritesOptions> = {}): ReadYourWritesOptions => ({
  primary: pool(),
  replicas: [{ id: 'r1', pool: pool() }],
  secret: 'a secret that only tests know',
  ...more,
})

interface App extends AsyncDisposable {
  readonly context: INestApplicationContext
  readonly warnings: readonly string[]
}

function moduleOf(metadata: ModuleMetadata): Type {
  // oxlint-disable-next-line typescript/no-extraneous-class -- Nest names modules by their class
  const type = class {}
  Module(metadata)(type)
  return type
}

async function start(...imports: (DynamicModule | Type)[]): Promise<App> {
  const warnings: string[] = []
  const ignore = (): void => {}
  const logger: LoggerService = {
    log: ignore,
    error: ignore,
    warn: (message: unknown) => void warnings.push(String(message)),
  }
  const context = await NestFactory.createApplicationContext(moduleOf({ imports }), {
    logger,
    abortOnError: false,
  })
  return { context, warnings, [Symbol.asyncDispose]: () => context.close() }
}

class Settings {
  readonly secret = 'a secret from the settings'
}
Injectable()(Settings)

const settingsModule = moduleOf({ providers: [Settings], exports: [Settings] })

class OptionsMaker {
  createReadYourWritesOptions(): ReadYourWritesModuleOptions {
    return routerOptions()
  }
}
Injectable()(OptionsMaker)

const optionsMakerModule = moduleOf({ providers: [OptionsMaker], exports: [OptionsMaker] })

const asyncWays: readonly (readonly [string, ForRootAsyncOptions])[] = [
  [
    'useFactory',
    {
      imports: [settingsModule],
      inject: [Settings],
      useFactory: async ({ secret }: Settings) => {
        await Promise.resolve()
        return routerOptions({ secret })
      },
    },
  ],
  ['useClass', { useClass: OptionsMaker }],
  ['useExisting', { imports: [optionsMakerModule], useExisting: OptionsMaker }],
]

test.each(asyncWays)('forRootAsync() makes a router by %s, and stops it', async (_way, options) => {
  const app = await start(ReadYourWritesModule.forRootAsync(options))
  const db = app.context.get<ReadYourWrites>(READ_YOUR_WRITES)
  expect(db.replicas).toEqual([{ id: 'r1', status: 'down', lag: undefined }])
  await app.context.close()
  await expect(db.write(() => Promise.resolve())).rejects.toMatchObject({ code: 'QUORATE_RYW_STOPPED' })
})

test('forRootAsync() with other than one way is refused', () => {
  const useFactory = (): ReadYourWritesOptions => routerOptions()
  const rule = 'Cannot set up ReadYourWritesModule: give exactly one of useFactory, useClass and useExisting'
  expect(() => ReadYourWritesModule.forRootAsync({})).toThrow(new TypeError(rule))
  expect(() => ReadYourWritesModule.forRootAsync({ useFactory, useClass: OptionsMaker })).toThrow(rule)
  expect(() =>
    ReadYourWritesModule.forRootAsync({ useFactory, isGlobal: true } as ForRootAsyncOptions),
  ).toThrow('Cannot set up ReadYourWritesModule: unknown option isGlobal; known are name, global, imports')
})

const given: SessionRouter = {
  session: () => {
    throw new Error('not asked for here')
  },
  run: (_session, work) => work(),
  current: () => undefined,
  reportLateToken: () => {},
}

test.each<[string, unknown, string]>([
  ['of an unknown name', { ...routerOptions(), waitms: 5 }, 'unknown option waitms'],
  ['beside db', { db: given, primary: pool() }, 'unknown option primary; known are db, key, readyMs'],
  ['of the pools, beside db', { db: given, endPools: true }, 'unknown option endPools'],
  [
    'that is no router',
    { db: {} },
    'db must be a router, got an object; pass what readYourWrites() returned',
  ],
  ['that is no function', { ...routerOptions(), key: 'user' }, "key must be a function, got 'user'"],
  ['that is no function, beside db', { db: given, key: 'user' }, "key must be a function, got 'user'"],
  ['of the cookie', { ...routerOptions(), cookie: { maxAge: 1 } }, 'unknown option maxAge of the cookie'],
  ['for pools without end', { ...routerOptions(), endPools: true }, 'endPools needs pools with a method end'],
  ['out of range', { ...routerOptions(), readyMs: -1 }, 'readyMs must be a finite number from 0, got -1'],
  [
    'that is no number',
    { ...routerOptions(), readyMs: NaN },
    'readyMs must be a finite number from 0, got NaN',
  ],
  ['that leaves no way for tokens', { ...routerOptions(), cookie: false, header: false }, 'both off'],
  ['that has to be a name', { ...routerOptions(), header: 'a: b' }, 'header must be a name of letters'],
])('an option %s is refused at start', async (_what, options, message) => {
  await expect(start(ReadYourWritesModule.forRoot(options as ForRootOptions))).rejects.toThrow(message)
})

test('a module without options is refused', () => {
  const message = 'Cannot set up ReadYourWritesModule: options must be an object, got undefined'
  const nothing = undefined as unknown
  expect(() => ReadYourWritesModule.forRoot(nothing as ForRootOptions)).toThrow(message)
  expect(() => ReadYourWritesModule.forRootAsync(nothing as ForRootAsyncOptions)).toThrow(message)
})

test('a factory that returns nothing is refused', async () => {
  const useFactory = (() => {}) as unknown as () => ReadYourWritesOptions
  await expect(start(ReadYourWritesModule.forRootAsync({ useFactory }))).rejects.toThrow(
    'Cannot set up ReadYourWritesModule: its options must be an object, got undefined; return them from useFactory',
  )
})

test('a name that could be part of no cookie is refused', () => {
  expect(() => ReadYourWritesModule.forRoot({ ...routerOptions(), name: 'a b' })).toThrow(
    "name must be of letters, digits, _ and -, got 'a b'",
  )
})

test('two modules of one name are refused, two of different names are not', async () => {
  let connects = 0
  const primary = pool(() => {
    connects++
    return Promise.reject(new Error('no server'))
  })
  const forRoot = (name?: string): DynamicModule =>
    ReadYourWritesModule.forRoot({ ...routerOptions({ primary }), name })
  await expect(start(forRoot(), forRoot())).rejects.toThrow('2 modules have no name')
  await expect(start(forRoot('a'), forRoot('a'))).rejects.toThrow('2 modules have the name a')
  expect(connects).toBe(0)
  await using app = await start(forRoot(), forRoot('a'), forRoot('b'))
  const dbs = [READ_YOUR_WRITES, readYourWritesToken('a'), readYourWritesToken('b')].map((token) =>
    app.context.get<ReadYourWrites>(token),
  )
  expect(new Set(dbs).size).toBe(3)
  expect(connects).toBeGreaterThanOrEqual(3)
})

test('one dynamic module may be imported in several places', async () => {
  const shared = ReadYourWritesModule.forRoot(routerOptions())
  await using app = await start(shared, moduleOf({ imports: [shared] }))
  expect(app.context.get(READ_YOUR_WRITES)).toBeDefined()
})

test('global: false keeps the router to those who import the module', async () => {
  const feature = moduleOf({
    providers: [{ provide: 'feature', useFactory: (db: ReadYourWrites) => db, inject: [READ_YOUR_WRITES] }],
  })
  await using app = await start(feature, ReadYourWritesModule.forRoot(routerOptions()))
  expect(app.context.get('feature')).toBe(app.context.get(READ_YOUR_WRITES))
  const own = ReadYourWritesModule.forRoot({ ...routerOptions(), global: false })
  await expect(start(feature, own)).rejects.toThrow("can't resolve dependencies")
})

test('a start waits for servers that are slow to answer, no longer than readyMs', async () => {
  const clock = new VirtualClock()
  const silent = routerOptions({ primary: pool(never), clock, probeDeadlineMs: 60_000 })
  let isUp = false
  const starting = start(ReadYourWritesModule.forRoot({ ...silent, readyMs: 3_000 })).then((app) => {
    isUp = true
    return app
  })
  await turnsUntil(() => clock.pending > 2)
  await clock.advance(2_999)
  expect(isUp).toBe(false)
  await clock.advance(1)
  const app = await starting
  expect(app.warnings).toEqual([
    'Not all servers were asked within 3000 ms; reads go to the primary until they were',
  ])
  const db = app.context.get<ReadYourWrites>(READ_YOUR_WRITES)
  expect(db.primary.reachable).toBeUndefined()
  await app.context.close()
})

test('readyMs: 0 does not wait, and a router from elsewhere may have nothing to wait for', async () => {
  const clock = new VirtualClock()
  const silent = routerOptions({ primary: pool(never), clock, probeDeadlineMs: 60_000 })
  await using app = await start(ReadYourWritesModule.forRoot({ ...silent, readyMs: 0 }))
  expect(app.warnings).toEqual([])
  await using other = await start(ReadYourWritesModule.forRoot({ db: given }))
  expect(other.context.get(READ_YOUR_WRITES)).toBe(given)
  expect(() => other.context.get(ReadYourWritesHealthIndicator).isHealthy('x')).toThrow(
    'Cannot check the health: the router tells nothing of its servers',
  )
})

test('a router from elsewhere is waited for, and not stopped', async () => {
  await using db = readYourWrites(routerOptions())
  const app = await start(ReadYourWritesModule.forRoot({ db }))
  expect(db.replicas.map(({ status }) => status)).toEqual(['down'])
  await app.context.close()
  await expect(db.write(() => Promise.resolve())).rejects.not.toMatchObject({ code: 'QUORATE_RYW_STOPPED' })
})

test('health is down when nobody answers, or when nobody was asked', async () => {
  const clock = new VirtualClock()
  await using gone = await start(
    ReadYourWritesModule.forRoot(routerOptions()),
    ReadYourWritesModule.forRoot({
      ...routerOptions({ primary: pool(never), replicas: [], clock }),
      name: 'new',
      readyMs: 0,
    }),
  )
  const indicator = gone.context.get(ReadYourWritesHealthIndicator)
  const message = 'neither the primary nor a replica answers'
  expect(indicator.isHealthy('db')).toEqual({
    db: {
      status: 'down',
      message,
      primary: { reachable: false, timeline: undefined },
      replicas: { r1: { status: 'down' } },
    },
  })
  expect(indicator.isHealthy('new', { name: 'new' }).new).toEqual({
    status: 'down',
    message,
    primary: { reachable: undefined, timeline: undefined },
    replicas: {},
  })
  expect(() => indicator.isHealthy('db', { require: true } as object)).toThrow(
    'Cannot check the health: unknown option require; known are name, requirePrimary, degraded',
  )
  expect(() => indicator.isHealthy('db', { name: 'no such' })).toThrow('could not find')
})

test.each([
  ['graphql', (result: unknown) => Promise.resolve(result)],
  [
    'rpc',
    (result: unknown) => firstValueFrom(result as Observable<unknown>).catch((error: unknown) => error),
  ],
])('the exception filter hands the error on to %s', async (type, handedOn) => {
  const error = new NotPrimaryError()
  const filter = new ReadYourWritesExceptionFilter(new HttpAdapterHost())
  expect(await handedOn(filter.catch(error, hostOf(type)))).toBe(error)
})

test('the exception filter ends an answer whose headers are gone', () => {
  const ended: unknown[] = []
  const adapterHost = new HttpAdapterHost()
  const adapter = { isHeadersSent: () => true, end: (response: unknown) => void ended.push(response) }
  adapterHost.httpAdapter = adapter as unknown as HttpAdapterHost['httpAdapter']
  expect(
    new ReadYourWritesExceptionFilter(adapterHost).catch(new NotPrimaryError(), hostOf('http')),
  ).toBeUndefined()
  expect(ended).toEqual(['response'])
})

test('the session decorator gives nothing outside HTTP', () => {
  class Gateway {
    handle(_session: unknown): void {}
  }
  RywSession()(Gateway.prototype, 'handle', 0)
  const parameters = Object.values(Reflect.getMetadata(ROUTE_ARGS_METADATA, Gateway, 'handle') as object) as {
    readonly factory: (name: undefined, host: ArgumentsHost) => unknown
  }[]
  expect(parameters.map(({ factory }) => factory(undefined, hostOf('ws')))).toEqual([undefined])
})

function hostOf(type: string): ArgumentsHost {
  const http = { getRequest: () => 'request', getResponse: () => 'response', getNext: () => 'next' }
  return { getType: () => type, switchToHttp: () => http } as unknown as ArgumentsHost
}

/** Lets promises and I/O go on until a condition holds. */
async function turnsUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
