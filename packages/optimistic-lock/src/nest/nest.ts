import { STATUS_CODES } from 'node:http'
import {
  type ArgumentsHost,
  Catch,
  createParamDecorator,
  type ExceptionFilter,
  type ExecutionContext,
  Inject,
} from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import { throwError } from 'rxjs'
import { answerTo } from '../http/answer.ts'
import type { IfMatch } from '../http/etag.ts'
import { type IfMatchOptions, readIfMatch } from '../http/if-match.ts'

/**
 * What `If-Match` of the request asks for, as a parameter of a handler. A request without it is refused (428), and one
 * with a malformed one (400), by {@link OptimisticLockFilter}.
 *
 * @example
 * ```ts
 * @Put(':sku') put(@Param('sku') sku: string, @IfMatchHeader() ifMatch: IfMatch, @Body() changes: Changes) { … }
 * ```
 */
export const IfMatchHeader: (options?: IfMatchOptions) => ParameterDecorator = createParamDecorator(
  (options: IfMatchOptions | undefined, context: ExecutionContext): IfMatch => {
    const request = context
      .switchToHttp()
      .getRequest<{ headers?: Record<string, string | undefined> } | undefined>()
    return readIfMatch(request?.headers?.['if-match'], options)
  },
)

/** What the filter is for, in place of a class: `instanceof` would miss errors of the other build of this package. */
// oxlint-disable-next-line typescript/no-extraneous-class -- the right side of `instanceof`, for Nest
abstract class Answerable {
  static [Symbol.hasInstance](error: unknown): boolean {
    return answerTo(error) !== undefined
  }
}

/**
 * Answers the errors of this package: 412 with the `ETag` of now for a stale version, 404 for a row that is gone, 409 for
 * one that exists, 428 and 400 for `If-Match`. Outside HTTP it hands the error on as it is.
 *
 * @example
 * ```ts
 * providers: [{ provide: APP_FILTER, useClass: OptimisticLockFilter }]
 * ```
 */
export class OptimisticLockFilter implements ExceptionFilter<Error> {
  readonly #adapterHost: HttpAdapterHost

  constructor(adapterHost: HttpAdapterHost) {
    this.#adapterHost = adapterHost
  }

  catch(error: Error, host: ArgumentsHost): unknown {
    const type = host.getType<string>()
    if (type === 'rpc') return throwError(() => error)
    const answer = answerTo(error)
    if (type !== 'http' || answer === undefined) return error // what GraphQL reports is what a filter returns
    const { statusCode, code, headers } = answer
    const { httpAdapter } = this.#adapterHost
    const response = host.switchToHttp().getResponse<object>()
    if (httpAdapter.isHeadersSent(response)) {
      httpAdapter.end(response)
      return undefined
    }
    for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value)
    httpAdapter.reply(
      response,
      { statusCode, message: STATUS_CODES[statusCode] ?? 'Conflict', code },
      statusCode,
    )
    return undefined
  }
}

Catch(Answerable)(OptimisticLockFilter)
Inject(HttpAdapterHost)(OptimisticLockFilter, undefined, 0)
