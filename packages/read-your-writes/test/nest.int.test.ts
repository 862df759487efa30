import {
  Catch,
  Controller,
  Get,
  Header,
  HttpCode,
  Module,
  Param,
  Post,
  Query,
  Req,
  Sse,
  UploadedFile,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type BeforeApplicationShutdown,
  type CallHandler,
  type CanActivate,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  type MessageEvent,
  type MiddlewareConsumer,
  type ModuleMetadata,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common'
import { APP_FILTER } from '@nestjs/core'
import { FileInterceptor } from '@nestjs/platform-express'
import { HealthCheckService, TerminusModule } from '@nestjs/terminus'
import pg from 'pg'
import { defer, mergeMap, of, type Observable } from 'rxjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  TransactionAbortedError,
  type Queryable,
  type ReadYourWrites,
  type ReadYourWritesOptions,
  type Session,
} from '@quorate/read-your-writes'
import {
  InjectReadYourWrites,
  READ_YOUR_WRITES,
  ReadYourWritesExceptionFilter,
  ReadYourWritesHealthIndicator,
  ReadYourWritesModule,
  readYourWritesToken,
  RywSession,
  sessionOf,
  type HealthCheckOptions,
} from '@quorate/read-your-writes/nest'
import { Browser } from './browser.ts'
import { createApp, decorate, listen, nestSite, PLATFORMS, type NestSite } from './nest-setup.ts'
import { SECRET, startBench, type Bench, type TestRouter } from './setup.ts'

let bench: Bench
let router: TestRouter
beforeAll(async () => {
  bench = await startBench()
  router = await bench.router({ waitMs: 0 })
  // From here on replicas show nothing new: who sees a write has been sent to the primary for it.
  for (const replica of bench.replicas) await replica.pauseReplay()
})
afterAll(async () => {
  await router[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const put = (id: string) => (tx: Queryable) => tx.query('INSERT INTO note VALUES ($1, 1)', [id])
const exists = (id: string) => async (q: Queryable) =>
  (await q.query('SELECT 1 FROM note WHERE id = $1', [id])).rowCount === 1
const id = Param('id')
const post = { method: 'POST' }

/** Reads a note with the session of the request, found by the router itself. */
class NoteController {
  readonly #db: ReadYourWrites

  constructor(db: ReadYourWrites) {
    this.#db = db
  }

  read(note: string): Promise<boolean> {
    return this.#db.read(exists(note))
  }

  async put(note: string): Promise<void> {
    await this.#db.write(put(note))
  }
}
decorate(NoteController, [Controller('note')], {
  inject: [READ_YOUR_WRITES],
  methods: {
    read: { method: [Get(':id')], parameters: [id] },
    put: { method: [Post(':id'), HttpCode(204)], parameters: [id] },
  },
})

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

describe.each(PLATFORMS)('on the %s platform', (platform) => {
  const named = (name: string): string => `${platform}-${name}`
  const site = (metadata: ModuleMetadata): Promise<NestSite> =>
    nestSite(platform, {
      ...metadata,
      imports: [ReadYourWritesModule.forRoot({ db: router.db }), ...(metadata.imports ?? [])],
      controllers: [NoteController, ...(metadata.controllers ?? [])],
    })

  test('one session from the first middleware to the exception filter', async () => {
    const { db } = router
    const seen = new Map<string, Session | undefined>()
    const see = (stage: string, request?: object): void => {
      seen.set(stage, db.current())
      if (request !== undefined) seen.set(`${stage}, of the request`, sessionOf(request))
    }
    class Guard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        see('guard', context.switchToHttp().getRequest<object>())
        return true
      }
    }
    class Pipe implements PipeTransform<string, Promise<string>> {
      async transform(value: string): Promise<string> {
        await Promise.resolve()
        see('pipe')
        return value
      }
    }
    class Interceptor implements NestInterceptor<string, string> {
      intercept(_context: ExecutionContext, next: CallHandler<string>): Observable<string> {
        see('interceptor, before')
        return defer(() => next.handle()).pipe(
          mergeMap(async (value) => {
            await Promise.resolve()
            see('interceptor, after')
            if (value.endsWith('teapot')) throw new TeapotError()
            return value
          }),
        )
      }
    }
    class TeapotError extends Error {}
    class Filter implements ExceptionFilter<TeapotError> {
      async catch(_error: TeapotError, host: ArgumentsHost): Promise<void> {
        const http = host.switchToHttp()
        see('filter', http.getRequest<object>())
        await db.write(put(named('filter')))
        http.getResponse<{ status(code: number): { send(body: string): void } }>().status(418).send('')
      }
    }
    Catch(TeapotError)(Filter)
    class StagesController {
      handle(note: string, request: object, session: Session): string {
        see('handler', request)
        seen.set('handler, by the decorator', session)
        return note
      }
    }
    decorate(StagesController, [Controller('stages')], {
      methods: {
        handle: {
          method: [
            Get(':id'),
            UseGuards(new Guard()),
            UseInterceptors(new Interceptor()),
            UseFilters(new Filter()),
          ],
          parameters: [Param('id', new Pipe()), Req(), RywSession()],
        },
      },
    })
    class WithMiddleware {
      configure(consumer: MiddlewareConsumer): void {
        consumer
          .apply((request: object, _response: unknown, next: () => void) => {
            see('middleware', request)
            next()
          })
          .forRoutes('{*path}')
      }
    }
    Module({})(WithMiddleware)
    await using shop = await site({ imports: [WithMiddleware], controllers: [StagesController] })
    const browser = new Browser(shop.origin)
    const answer = await browser.fetch('/stages/teapot')
    expect(answer.status).toBe(418)
    expect([...seen.keys()]).toEqual([
      'middleware',
      'middleware, of the request',
      'guard',
      'guard, of the request',
      'interceptor, before',
      'pipe',
      'handler',
      'handler, of the request',
      'handler, by the decorator',
      'interceptor, after',
      'filter',
      'filter, of the request',
    ])
    const session = seen.get('guard')
    expect(session).toMatchObject({ changed: true })
    for (const [stage, one] of seen) expect([stage, one === session]).toEqual([stage, true])
    // What the filter wrote is in the token that its answer carried.
    expect(await browser.json(`/note/${named('filter')}`)).toBe(true)
  })

  test('server-sent events: what was written before the first one is in the token, later is reported', async () => {
    const { db } = router
    class Passing implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
        return next.handle()
      }
    }
    class EventsController {
      async early(note: string): Promise<Observable<MessageEvent>> {
        await db.write(put(note))
        return of({ data: 'one' }, { data: 'two' })
      }

      /** Behind an interceptor, which is one more thing that Nest subscribes to before it calls the handler. */
      intercepted(note: string): Promise<Observable<MessageEvent>> {
        return this.early(note)
      }

      late(note: string): Observable<MessageEvent> {
        return of(0, 1).pipe(
          mergeMap(async (index) => {
            if (index === 1) await db.write(put(note))
            return { data: `late ${index}` }
          }),
        )
      }
    }
    decorate(EventsController, [Controller('events')], {
      methods: {
        early: { method: [Sse('early/:id')], parameters: [id] },
        intercepted: {
          method: [Sse('intercepted/:id'), UseInterceptors(new Passing())],
          parameters: [id],
        },
        late: { method: [Sse('late/:id')], parameters: [id] },
      },
    })
    await using shop = await site({ controllers: [EventsController] })
    const browser = new Browser(shop.origin)
    const answer = await browser.fetch(`/events/early/${named('events')}`)
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(await answer.text()).toMatch(/data: one\n[^]*data: two\n/)
    expect(browser.cookies).toEqual(['quorate-session'])
    expect(await browser.json(`/note/${named('events')}`)).toBe(true)

    for (const when of ['late', 'intercepted']) {
      const before = router.events.length
      const late = new Browser(shop.origin)
      const stream = await late.fetch(`/events/${when}/${named(when)}`)
      expect(await stream.text()).toMatch(/data: /)
      await router.until(() => router.events.slice(before).some(({ type }) => type === 'token-late'))
      expect([when, late.cookies]).toEqual([when, []])
    }
  })

  test('a session also under a global prefix, on routes it leaves out, and on the root', async () => {
    class RootController {
      root(request: object): boolean {
        return router.db.current() !== undefined && sessionOf(request) === router.db.current()
      }
    }
    decorate(RootController, [Controller()], {
      methods: { root: { method: [Get(['/', 'plain', 'deep/er'])], parameters: [Req()] } },
    })
    const app = await createApp(platform, {
      imports: [ReadYourWritesModule.forRoot({ db: router.db })],
      controllers: [RootController],
    })
    app.setGlobalPrefix('api', { exclude: ['plain'] })
    await using shop = await listen(app)
    for (const path of ['/api', '/api/deep/er', '/plain']) {
      const answer = await fetch(`${shop.origin}${path}`)
      expect([path, answer.status, await answer.text()]).toEqual([path, 200, 'true'])
    }
  })

  test('the cookie is Secure for a client that came by TLS to a proxy that is trusted', async () => {
    const app = await createApp(
      platform,
      {
        imports: [ReadYourWritesModule.forRoot({ db: router.db, header: false })],
        controllers: [NoteController],
      },
      { trustProxy: true },
    )
    await using shop = await listen(app)
    const secure = await fetch(`${shop.origin}/note/${named('secure')}`, {
      ...post,
      headers: { 'x-forwarded-proto': 'https' },
    })
    expect(secure.headers.getSetCookie()[0]).toMatch(/; Secure$/)
    expect(secure.headers.get('quorate-session')).toBeNull()
    const plain = await fetch(`${shop.origin}/note/${named('plain')}`, post)
    expect(plain.headers.getSetCookie()[0]).toMatch(/; SameSite=Lax$/)
  })

  test('two databases have a session, a cookie and a header each', async () => {
    await using orders = await bench.router({ waitMs: 0 })
    class BothController {
      readonly #main: ReadYourWrites
      readonly #orders: ReadYourWrites

      constructor(main: ReadYourWrites, second: ReadYourWrites) {
        this.#main = main
        this.#orders = second
      }

      async put(note: string): Promise<void> {
        await this.#main.write(put(`${note}-main`))
        await this.#orders.write(put(`${note}-orders`))
      }

      async read(note: string, request: object, main: Session, second: Session): Promise<unknown> {
        return {
          main: await this.#main.read(exists(`${note}-main`)),
          orders: await this.#orders.read(exists(`${note}-orders`)),
          own: [
            main === this.#main.current() && main === sessionOf(request),
            second === this.#orders.current() && second === sessionOf(request, 'orders'),
            main !== second,
          ],
        }
      }
    }
    InjectReadYourWrites()(BothController, undefined, 0)
    InjectReadYourWrites('orders')(BothController, undefined, 1)
    decorate(BothController, [Controller('both')], {
      methods: {
        put: { method: [Post(':id'), HttpCode(204)], parameters: [id] },
        read: { method: [Get(':id')], parameters: [id, Req(), RywSession(), RywSession('orders')] },
      },
    })
    await using shop = await site({
      imports: [ReadYourWritesModule.forRoot({ name: 'orders', db: orders.db })],
      controllers: [BothController],
    })
    const before = router.events.length
    const browser = new Browser(shop.origin)
    const posted = await browser.fetch(`/both/${named('both')}`, post)
    expect(browser.cookies.toSorted()).toEqual(['quorate-session', 'quorate-session-orders'])
    const headers = ['quorate-session', 'quorate-session-orders'].map((name) => posted.headers.get(name))
    expect(headers).toEqual([expect.any(String), expect.any(String)])
    expect(await browser.json(`/both/${named('both')}`)).toEqual({
      main: true,
      orders: true,
      own: [true, true, true],
    })
    const rejected = [...router.events.slice(before), ...orders.events].filter(
      ({ type }) => type === 'token-rejected',
    )
    expect(rejected).toEqual([])
    expect(orders.lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
  })

  test('the router is stopped when requests under way have ended, and its connections are back', async () => {
    const pools = ownPools()
    const [started, mayEnd, closing] = [gate(), gate(), gate()]
    class SlowController {
      readonly #db: ReadYourWrites

      constructor(db: ReadYourWrites) {
        this.#db = db
      }

      async slow(note: string): Promise<void> {
        started.open()
        await mayEnd.opened
        await this.#db.write(put(note))
      }
    }
    decorate(SlowController, [Controller('slow')], {
      inject: [READ_YOUR_WRITES],
      methods: {
        slow: { method: [Post(':id'), HttpCode(204), Header('Connection', 'close')], parameters: [id] },
      },
    })
    class Closing implements BeforeApplicationShutdown {
      beforeApplicationShutdown(): void {
        closing.open()
      }
    }
    Module({})(Closing)
    // Of two global modules, the first to come is the last to be told of the shutdown.
    const first: DynamicModule = { module: Closing, global: true }
    const app = await createApp(
      platform,
      {
        imports: [first, ReadYourWritesModule.forRoot(routerOptions(pools))],
        controllers: [SlowController],
      },
      { forceCloseConnections: false },
    )
    await app.listen(0, '127.0.0.1')
    const db = app.get<ReadYourWrites>(READ_YOUR_WRITES)
    expect(db.replicas.map(({ status }) => status)).not.toContain('unknown')
    const answer = fetch(`${await app.getUrl()}/slow/${named('slow')}`, post)
    await started.opened
    const closed = app.close()
    await closing.opened
    mayEnd.open()
    expect((await answer).status).toBe(204)
    await closed
    await expect(db.read(exists('x'), { level: 'eventual' })).rejects.toMatchObject({
      code: 'QUORATE_RYW_STOPPED',
    })
    expect(pools.all.map((pool) => pool.totalCount - pool.idleCount)).toEqual([0, 0, 0])
    await Promise.all(pools.all.map((pool) => pool.end()))
  })

  test('endPools ends the pools as well; a router from elsewhere is left running', async () => {
    const pools = ownPools()
    const app = await createApp(platform, {
      imports: [
        ReadYourWritesModule.forRoot({ ...routerOptions(pools), endPools: true }),
        ReadYourWritesModule.forRoot({ name: 'given', db: router.db }),
      ],
    })
    await app.init()
    expect(app.get(readYourWritesToken('given'))).toBe(router.db)
    await app.close()
    expect(pools.all.map((pool) => pool.ended)).toEqual([true, true, true])
    expect(await router.db.read(exists('nothing'), { level: 'eventual' })).toBe(false)
  })
})

test('the session survives the parser of uploads', async () => {
  class UploadController {
    async upload({ size }: { readonly size: number }, note: string): Promise<number> {
      await router.db.write(put(note))
      return size
    }
  }
  decorate(UploadController, [Controller('upload')], {
    methods: {
      upload: {
        method: [Post(':id'), UseInterceptors(FileInterceptor('file'))],
        parameters: [UploadedFile(), id],
      },
    },
  })
  await using shop = await nestSite('express', {
    imports: [ReadYourWritesModule.forRoot({ db: router.db })],
    controllers: [NoteController, UploadController],
  })
  const body = new FormData()
  body.append('file', new Blob(['x'.repeat(300_000)]), 'x.txt') // more than one piece
  const browser = new Browser(shop.origin)
  const answer = await browser.fetch('/upload/uploaded', { ...post, body })
  expect(await answer.text()).toBe('300000')
  expect(await browser.json('/note/uploaded')).toBe(true)
})

describe.each(PLATFORMS)('on the %s platform, without the primary', (platform) => {
  test('the exception filter answers 503, and leaves other errors alone', async () => {
    await using own = await bench.router({ waitMs: 0 })
    const others = { foreign: new Error('nobody expects it'), own: new TransactionAbortedError() }
    class BrokenController {
      broken(kind: keyof typeof others): never {
        throw others[kind]
      }
    }
    decorate(BrokenController, [Controller('broken')], {
      methods: { broken: { method: [Get(':kind')], parameters: [Param('kind')] } },
    })
    await using shop = await nestSite(platform, {
      imports: [ReadYourWritesModule.forRoot({ db: own.db })],
      controllers: [NoteController, BrokenController],
      providers: [{ provide: APP_FILTER, useClass: ReadYourWritesExceptionFilter }],
    })
    await bench.link.partition({ mode: 'refuse' })
    try {
      const answer = await fetch(`${shop.origin}/note/refused`, post)
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
      expect(await answer.json()).toEqual({
        statusCode: 503,
        message: 'Service Unavailable',
        code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE',
      })
      // Reads go on.
      const { status } = await fetch(`${shop.origin}/note/refused`)
      expect(status).toBe(200)
    } finally {
      await bench.link.heal()
    }
    for (const kind of Object.keys(others)) {
      const other = await fetch(`${shop.origin}/broken/${kind}`)
      expect([kind, other.status, await other.json()]).toEqual([
        kind,
        500,
        { statusCode: 500, message: 'Internal server error' },
      ])
    }
  })

  test('health by Terminus: down only when it must be', async () => {
    await using own = await bench.router({ waitMs: 0, maxLagMs: 60_000 })
    class HealthController {
      readonly #health: HealthCheckService
      readonly #indicator: ReadYourWritesHealthIndicator

      constructor(health: HealthCheckService, indicator: ReadYourWritesHealthIndicator) {
        this.#health = health
        this.#indicator = indicator
      }

      check(query: Record<string, string>): Promise<unknown> {
        const options: HealthCheckOptions = {
          requirePrimary: query['requirePrimary'] === 'yes',
          degraded: query['degraded'] === 'yes',
        }
        return this.#health.check([() => this.#indicator.isHealthy('database', options)])
      }
    }
    decorate(HealthController, [Controller('health')], {
      inject: [HealthCheckService, ReadYourWritesHealthIndicator],
      methods: { check: { method: [Get()], parameters: [Query()] } },
    })
    await using shop = await nestSite(platform, {
      imports: [TerminusModule.forRoot({ logger: false }), ReadYourWritesModule.forRoot({ db: own.db })],
      controllers: [HealthController],
    })
    const check = async (query: string): Promise<unknown[]> => {
      const answer = await fetch(`${shop.origin}/health${query}`)
      const { status, details } = (await answer.json()) as { status: string; details: object }
      return [answer.status, status, details]
    }
    while (own.db.replicas.some(({ lag: known }) => known === undefined)) await check('')
    const lag = { lagMs: expect.any(Number) as number, lagBytes: expect.any(Number) as number }
    const replicas = { r1: { status: 'healthy', ...lag }, r2: { status: 'healthy', ...lag } }
    const primary = { reachable: true, timeline: 1 }
    const whole = { database: { status: 'up', primary, replicas } }
    expect(await check('?requirePrimary=yes&degraded=yes')).toEqual([200, 'ok', whole])

    await bench.link.partition({ mode: 'refuse' })
    try {
      await own.until(() => own.db.primary.reachable === false)
      const gone = { primary: { reachable: false, timeline: 1 }, replicas }
      expect(await check('')).toEqual([200, 'ok', { database: { status: 'up', ...gone } }])
      expect(await check('?degraded=yes')).toEqual([
        200,
        'degraded',
        { database: { status: 'degraded', ...gone } },
      ])
      expect(await check('?requirePrimary=yes&degraded=yes')).toEqual([
        503,
        'error',
        { database: { status: 'down', message: 'the primary does not answer', ...gone } },
      ])
    } finally {
      await bench.link.heal()
    }
  })
})

interface Pools {
  readonly primary: pg.Pool
  readonly replicas: readonly pg.Pool[]
  readonly all: readonly pg.Pool[]
}

function ownPools(): Pools {
  const poolAt = (port: number): pg.Pool =>
    new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  const primary = poolAt(bench.link.port)
  const replicas = bench.replicas.map(({ port }) => poolAt(port))
  return { primary, replicas, all: [primary, ...replicas] }
}

function routerOptions({ primary, replicas }: Pools): ReadYourWritesOptions {
  return {
    primary,
    replicas: replicas.map((pool, index) => ({ id: `r${index + 1}`, pool })),
    secret: SECRET,
    probeDeadlineMs: 500,
  }
}
