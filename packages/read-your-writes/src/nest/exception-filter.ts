import { STATUS_CODES } from 'node:http'
import { Catch, HttpException, type ArgumentsHost } from '@nestjs/common'
import { BaseExceptionFilter } from '@nestjs/core'
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
export class ReadYourWritesExceptionFilter extends BaseExceptionFilter<Error> {
  override catch(error: AnswerableError, host: ArgumentsHost): unknown {
    const type = host.getType<string>()
    if (type === 'rpc') return throwError(() => error)
    if (type !== 'http') return error // what GraphQL reports is what a filter returns
    const { statusCode, headers = {}, code } = error
    const response = host.switchToHttp().getResponse<object>()
    const adapter = this.applicationRef ?? this.httpAdapterHost?.httpAdapter
    if (adapter?.isHeadersSent?.(response) === false) {
      for (const [name, value] of Object.entries(headers)) adapter.setHeader?.(response, name, value)
    }
    const message = STATUS_CODES[statusCode] ?? 'Unavailable'
    super.catch(new HttpException({ statusCode, message, code }, statusCode, { cause: error }), host)
    return undefined
  }
}

Catch(Answerable)(ReadYourWritesExceptionFilter)
