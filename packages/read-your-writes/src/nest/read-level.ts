import {
  applyDecorators,
  Inject,
  Injectable,
  SetMetadata,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common'
import { ModuleRef, Reflector } from '@nestjs/core'
import { Observable } from 'rxjs'
import { validateLevel, type Level } from '../level.ts'
import { readYourWritesToken } from './tokens.ts'

/** By the name of the module. */
type Levels = ReadonlyMap<string | undefined, Level>

/** Metadata of a handler or its class; shared by the ESM and the CommonJS build. */
const LEVELS = '@quorate/read-your-writes.levels'
const NONE: Levels = new Map()
const reflector = new Reflector()

/**
 * The level of the reads of a handler, or of all handlers of a controller, that name none: whatever services they go
 * through. That of a method counts over that of its class, also if it is inherited. Also for gateways, message handlers and
 * resolvers; there is no session, which levels other than `eventual`, `bounded` and `strong` go by.
 *
 * It is an interceptor. So pipes and the handler read at this level; guards, exception filters, and interceptors that
 * run around it (global ones, those of the controller, those of decorators below it) read at the router's.
 *
 * @param name of the module, where there are several; one decorator for each.
 * @throws TypeError for an unknown level.
 *
 * @example
 * ```ts
 * @Get('overview')
 * @ReadLevel(bounded({ maxLagMs: 1_000 }))
 * overview() { … }
 * ```
 */
export function ReadLevel(level: Level, name?: string): ClassDecorator & MethodDecorator {
  validateLevel(level)
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor): void => {
    const place = (descriptor?.value ?? target) as Parameters<Reflector['get']>[1]
    const levels = new Map(reflector.get<Levels | undefined>(LEVELS, place)).set(name, level)
    const decorate = applyDecorators(SetMetadata(LEVELS, levels), UseInterceptors(ReadLevelInterceptor))
    if (key === undefined || descriptor === undefined) (decorate as ClassDecorator)(target as never)
    else decorate(target, key, descriptor)
  }
}

/** The part of a router that is used here. */
interface Levelled {
  withLevel<T>(level: Level, work: () => T): T
}

/** Runs a handler at the levels that {@link ReadLevel} has noted. */
export class ReadLevelInterceptor implements NestInterceptor {
  readonly #moduleRef: ModuleRef

  constructor(moduleRef: ModuleRef) {
    this.#moduleRef = moduleRef
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const levels = new Map(
      [context.getClass(), context.getHandler()].flatMap((place) => [
        ...(reflector.get<Levels | undefined>(LEVELS, place) ?? NONE),
      ]),
    )
    // What subscribes starts the handler: it takes the context from there.
    let handle = (): Observable<unknown> => next.handle()
    for (const [name, level] of levels) handle = this.#at(level, name, handle)
    return handle()
  }

  #at(level: Level, name: string | undefined, handle: () => Observable<unknown>): () => Observable<unknown> {
    const db = this.#moduleRef.get<Partial<Levelled>>(readYourWritesToken(name), { strict: false })
    if (typeof db.withLevel !== 'function') {
      throw new TypeError(
        'Cannot read at a level: the router that its module was given has no withLevel(); leave @ReadLevel() out, or ' +
          'give the module a router of this package',
      )
    }
    const router = db as Levelled
    return () => new Observable((subscriber) => router.withLevel(level, () => handle().subscribe(subscriber)))
  }
}

Injectable()(ReadLevelInterceptor)
Inject(ModuleRef)(ReadLevelInterceptor, undefined, 0)
