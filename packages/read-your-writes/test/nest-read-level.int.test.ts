import {
  Controller,
  Get,
  Injectable,
  Param,
  Sse,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type MessageEvent,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common'
import { ExternalContextCreator, type ModuleRef } from '@nestjs/core'
import { defer, mergeMap, type Observable } from 'rxjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bounded, type Level, type ReadOptions } from '@quorate/read-your-writes'
import { ReadLevel, ReadLevelInterceptor, ReadYourWritesModule } from '@quorate/read-your-writes/nest'
import { decorate, nestSite, PLATFORMS, type NestSite } from './nest-setup.ts'
import { startBench, type Bench, type TestRouter } from './setup.ts'

let bench: Bench
let router: TestRouter
let other: TestRouter
beforeAll(async () => {
  bench = await startBench()
  router = await bench.router({ level: 'strong' })
  other = await bench.router({ level: 'strong' })
})
afterAll(async () => {
  await router[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const BOUNDED = bounded({ maxLagMs: 60_000 })

/** Reads, and tells at what level that was. */
async function levelOf({ db, lastRead }: TestRouter, options?: ReadOptions): Promise<Level> {
  await db.read((q) => q.query('SELECT 1'), options)
  return lastRead().level
}
const own = (): Promise<Level> => levelOf(router)
const said: [string, Level][] = []
const say = async (who: string): Promise<void> => void said.push([who, await own()])

class Guard implements CanActivate {
  async canActivate(): Promise<boolean> {
    await say('guard')
    return true
  }
}
class Inside implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return defer(() => say('interceptor inside')).pipe(mergeMap(() => next.handle()))
  }
}
class Around implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return defer(() => say('interceptor around')).pipe(mergeMap(() => next.handle()))
  }
}
class Pipe implements PipeTransform<string, Promise<string>> {
  async transform(value: string): Promise<string> {
    await say('pipe')
    return value
  }
}

class BaseController {
  inherited(): Promise<Level> {
    return own()
  }

  overridden(): Promise<Level> {
    return own()
  }
}
decorate(BaseController, [], {
  methods: {
    inherited: { method: [Get('inherited'), ReadLevel('causal')] },
    overridden: { method: [Get('overridden'), ReadLevel('causal')] },
  },
})

class LevelController extends BaseController {
  ofClass(): Promise<Level> {
    return own()
  }

  ofMethod(): Promise<Level> {
    return own()
  }

  override overridden(): Promise<Level> {
    return own()
  }

  named(): Promise<Level> {
    return levelOf(router, { level: 'monotonic' })
  }

  async both(): Promise<readonly Level[]> {
    return [await own(), await levelOf(other)]
  }

  stages(_id: string): Promise<void> {
    return say('handler')
  }

  later(): Observable<MessageEvent> {
    return defer(async () => ({ data: JSON.stringify(await own()) }))
  }
}
decorate(LevelController, [Controller('level'), ReadLevel('eventual')], {
  methods: {
    ofClass: { method: [Get('class')] },
    ofMethod: { method: [ReadLevel(BOUNDED), Get('method')] },
    overridden: { method: [Get('overridden')] },
    named: { method: [Get('named')] },
    both: { method: [Get('both'), ReadLevel('monotonic', 'other')] },
    later: { method: [Sse('later')] },
  },
})

class PlainController {
  plain(): Promise<Level> {
    return own()
  }

  stages(_id: string): Promise<void> {
    return say('handler')
  }
}
decorate(PlainController, [Controller('plain')], {
  methods: {
    plain: { method: [Get()] },
    // As a compiler does it: the one nearest to the method first.
    stages: {
      method: [
        UseInterceptors(Around),
        ReadLevel('eventual'),
        UseInterceptors(Inside),
        UseGuards(Guard),
        Get('stages/:id'),
      ],
      parameters: [Param('id', Pipe)],
    },
  },
})

/** As gateways and resolvers are: a provider. */
class Messages {
  received(): Promise<Level> {
    return own()
  }
}
decorate(Messages, [Injectable()], { methods: { received: { method: [ReadLevel('eventual')] } } })

describe.each(PLATFORMS)('@ReadLevel() on the %s platform', (platform) => {
  let running: NestSite
  beforeAll(async () => {
    running = await nestSite(platform, {
      imports: [
        ReadYourWritesModule.forRoot({ db: router.db }),
        ReadYourWritesModule.forRoot({ name: 'other', db: other.db }),
      ],
      controllers: [LevelController, PlainController],
      providers: [Messages],
    })
  })
  afterAll(() => running[Symbol.asyncDispose]())

  test('counts for the whole handler: of a method over that of its class, also inherited', async () => {
    const get = async (path: string): Promise<unknown> => (await fetch(`${running.origin}/${path}`)).text()
    expect(await get('level/class')).toBe('eventual')
    expect(await get('level/method')).toBe(JSON.stringify(BOUNDED))
    expect(await get('level/inherited')).toBe('causal')
    expect(await get('level/overridden')).toBe('eventual')
    expect(await get('level/named')).toBe('monotonic')
    expect(await get('level/both')).toBe(JSON.stringify(['eventual', 'monotonic']))
    expect(await get('plain')).toBe('strong')
  })

  test('pipes read at it, and what it runs around; guards and what runs around it do not', async () => {
    said.length = 0
    await fetch(`${running.origin}/plain/stages/1`)
    expect(said).toEqual([
      ['guard', 'strong'],
      ['interceptor around', 'strong'],
      ['interceptor inside', 'eventual'],
      ['pipe', 'eventual'],
      ['handler', 'eventual'],
    ])
  })

  test('a stream of events reads at it too', async () => {
    const response = await fetch(`${running.origin}/level/later`)
    expect(await response.text()).toContain('data: "eventual"')
  })

  test('a handler of messages, which has no session, reads at it', async () => {
    const { app } = running
    const messages = app.get(Messages)
    const creator = app.get(ExternalContextCreator)
    for (const type of ['rpc', 'ws']) {
      const handle = creator.create(
        messages,
        // oxlint-disable-next-line typescript/unbound-method -- by which Nest finds what decorates it
        messages.received,
        'received',
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        type,
      )
      expect(await handle()).toBe('eventual')
    }
  })
})

test('a router that knows no levels is told of', () => {
  const interceptor = new ReadLevelInterceptor({ get: () => ({}) } as unknown as ModuleRef)
  const context = {
    getClass: () => LevelController,
    // oxlint-disable-next-line typescript/unbound-method -- by which Nest finds what decorates it
    getHandler: () => LevelController.prototype.ofClass,
  } as unknown as ExecutionContext
  const next = { handle: (): never => expect.unreachable() }
  expect(() => interceptor.intercept(context, next)).toThrow(
    /Cannot read at a level: .* has no withLevel\(\)/,
  )
})

test('an unknown level is refused where it is written', () => {
  // @ts-expect-error no level
  expect(() => ReadLevel('fresh')).toThrow(TypeError)
})
