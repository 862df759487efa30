/** Refusals, in the provider's own shape. */
import type { PaymentIntent } from './objects.ts'
import type { Answer } from './store.ts'

export class ProviderError extends Error {
  readonly answer: Answer

  constructor(
    status: number,
    error: { type: string; code?: string; param?: string; message: string; payment_intent?: PaymentIntent },
  ) {
    super(error.message)
    this.answer = { status, body: { error } }
  }
}

export function invalidRequest(message: string, param?: string): ProviderError {
  return new ProviderError(400, {
    type: 'invalid_request_error',
    message,
    ...(param === undefined ? {} : { param }),
  })
}

export function noSuch(what: string, id: string, status: 400 | 404 = 404): ProviderError {
  return new ProviderError(status, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${what}: '${id}'`,
  })
}
