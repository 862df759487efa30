import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common'
import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express'
import { Problem } from '../../shared/problem.ts'

/** Answers whatever was thrown the way all our services do. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #answer: ErrorRequestHandler

  constructor(answer: ErrorRequestHandler) {
    this.#answer = answer
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    void this.#answer(
      error instanceof HttpException ? fromNest(error) : error,
      http.getRequest<Request>(),
      http.getResponse<Response>(),
      http.getNext<NextFunction>(),
    )
  }
}

function fromNest(error: HttpException): Problem {
  const status = error.getStatus()
  return new Problem(status, status === 404 ? 'not-found' : 'bad-request', error.message, { cause: error })
}
