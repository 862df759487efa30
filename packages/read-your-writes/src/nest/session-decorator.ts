import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import { sessionOf } from '../http/request-session.ts'
import type { Session } from '../session.ts'

/**
 * The session of the HTTP request as a parameter of a handler. `undefined` outside HTTP: a gateway or a
 * message handler opens its own by `db.session({ token })`.
 *
 * @param name of the module, where there are several.
 *
 * @example
 * ```ts
 * @Post('orders') order(@RywSession() session: Session) { … }
 * ```
 */
export const RywSession: (name?: string) => ParameterDecorator = createParamDecorator(
  (name: string | undefined, context: ExecutionContext): Session | undefined => {
    if (context.getType() !== 'http') return undefined
    return sessionOf(context.switchToHttp().getRequest<object>(), name)
  },
)
