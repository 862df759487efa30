import { Inject } from '@nestjs/common'

const DESCRIPTION = '@quorate/read-your-writes'

/** Injection token of the router of a module without a name; shared by the ESM and the CommonJS build. */
export const READ_YOUR_WRITES: unique symbol = Symbol.for(DESCRIPTION)

/** Injection token of the router of the module of this name, for factories: `inject: [readYourWritesToken('orders')]`. */
export function readYourWritesToken(name?: string): symbol {
  return name === undefined ? READ_YOUR_WRITES : Symbol.for(`${DESCRIPTION}.${name}`)
}

/**
 * Injects the router.
 *
 * @param name of the module, where there are several.
 *
 * @example
 * ```ts
 * constructor(@InjectReadYourWrites() private readonly db: ReadYourWrites) {}
 * ```
 */
export function InjectReadYourWrites(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(readYourWritesToken(name))
}
