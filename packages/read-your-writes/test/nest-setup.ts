import { Inject, Module, type ModuleMetadata, type Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FrameworkSite } from './framework-suite.ts'

export type Platform = 'express' | 'fastify'
export const PLATFORMS: readonly Platform[] = ['express', 'fastify']

export type NestApp = NestExpressApplication | NestFastifyApplication

/** A running Nest application. */
export interface NestSite extends FrameworkSite {
  readonly app: NestApp
}

/** What an application module with these parts becomes, on one of the platforms. */
export async function createApp(
  platform: Platform,
  metadata: ModuleMetadata,
  {
    trustProxy = false,
    forceCloseConnections = true,
  }: { readonly trustProxy?: boolean; readonly forceCloseConnections?: boolean } = {},
): Promise<NestApp> {
  // oxlint-disable-next-line typescript/no-extraneous-class -- Nest names modules by their class
  const root = class {}
  Module(metadata)(root)
  const options = { logger: false, abortOnError: false, forceCloseConnections } as const
  if (platform === 'fastify') {
    return NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter({ trustProxy }), options)
  }
  const app = await NestFactory.create<NestExpressApplication>(root, options)
  app.set('trust proxy', trustProxy)
  return app
}

export async function nestSite(platform: Platform, metadata: ModuleMetadata): Promise<NestSite> {
  return listen(await createApp(platform, metadata))
}

export async function listen(app: NestApp): Promise<NestSite> {
  await app.listen(0, '127.0.0.1')
  return { app, origin: await app.getUrl(), [Symbol.asyncDispose]: () => app.close() }
}

/** Decorators of a method, and of its parameters in order. */
export interface Decorations {
  readonly method: readonly MethodDecorator[]
  readonly parameters?: readonly ParameterDecorator[]
}

/**
 * Does what decorators on a class, its constructor's parameters, its methods and theirs do: the tests of this
 * package are compiled without them.
 */
export function decorate<T extends object>(
  type: Type<T>,
  decorators: readonly ClassDecorator[],
  {
    inject = [],
    methods = {},
  }: {
    readonly inject?: readonly (Type | symbol)[]
    readonly methods?: Partial<Record<keyof T & string, Decorations>>
  } = {},
): void {
  for (const [index, token] of inject.entries()) Inject(token)(type, undefined, index)
  const prototype = type.prototype as object
  for (const [name, decorations] of Object.entries<Decorations | undefined>(methods)) {
    if (decorations === undefined) continue
    const { method, parameters = [] } = decorations
    for (const [index, parameter] of parameters.entries()) parameter(prototype, name, index)
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name)
    if (descriptor === undefined) throw new Error(`${type.name} has no method ${name}`)
    for (const one of method) one(prototype, name, descriptor)
  }
  for (const one of decorators) one(type)
}
