import { STATUS_CODES } from 'node:http'
import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import { isQuorateError, type QuorateError } from '@quorate/core'
import { throwError } from 'rxjs'

/** An error that knows which answer it means. */
interface AnswerableError extends QuorateError {
  readonly statusCode: number
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/**
 * What the filter is for, in place of a class: `instanceof` would miss errors of the other build of this
 * package, and a base class would take in errors that mean no answer.
 */
// oxlint-disable-next-line typescript/no-extraneous-class -- the right side of `instanceof`, for Nest
abstract class Answerable {
  static [Symbol.hasInstance](error: unknown): boolean {
    return (
      isQuorateError(error) &&
      error.code.startsWith('QUORATE_RYW_') &&
      typeof (error as Partial<AnswerableError>).statusCode === 'number'
    )
  }
}

/**
 * Answers 503 with `Retry-After` when the primary is gone or busy, of which Nest itself would make a 500. All
 * other errors are left to other filters. Outside HTTP it hands the error on as it is.
 *
 * The body is Nest's, with the `code` of the error; what the error says is for those who run the service.
 *
 * @example
 * ```ts
 * providers: [{ provide: APP_FILTER, useClass: ReadYourWritesExceptionFilter }]
 * ```
 */
export class ReadYourWritesExceptionFilter implements ExceptionFilter<AnswerableError> {
  readonly #adapterHost: HttpAdapterHost

  constructor(adapterHost: HttpAdapterHost) {
    this.#adapterHost = adapterHost
  }

  catch(error: AnswerableError, host: ArgumentsHost): unknown {
    const type = host.getType<string>()
    if (type === 'rpc') return throwError(() => error)
    if (type !== 'http') return error // what GraphQL reports is what a filter returns
    const { statusCode, headers = {}, code } = error
    const { httpAdapter } = this.#adapterHost
    const response = host.switchToHttp().getResponse<object>()
    if (httpAdapter.isHeadersSent(response)) {
      httpAdapter.end(response)
      return undefined
    }
    for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value)
    const message = STATUS_CODES[statusCode] ?? 'Unavailable'
    httpAdapter.reply(response, { statusCode, message, code }, statusCode)
    return undefined
  }
}

Catch(Answerable)(ReadYourWritesExceptionFilter)
Inject(HttpAdapterHost)(ReadYourWritesExceptionFilter, undefined, 0)
