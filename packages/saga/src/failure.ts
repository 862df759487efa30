import { isNonRetryable } from './errors.ts'
import { stored } from './json.ts'

/** Why a saga turned round or needs attention; kept in the log, so it survives the process. */
export interface SagaFailure {
  /** The step that failed; `undefined` if it was the definition that no longer fits. */
  readonly step: string | undefined
  /** What was being done. */
  readonly during: 'run' | 'compensate' | 'load'
  /** `name` of the error. */
  readonly name: string
  readonly message: string
  /** `code` of the error, if it had one. */
  readonly code?: string | undefined
  /** `data` of a {@link NonRetryableError}. */
  readonly data?: unknown
  /** Attempts that were made. */
  readonly attempts: number
}

/** The part of an error that is worth keeping. */
export function toFailure(
  error: unknown,
  facts: Pick<SagaFailure, 'step' | 'during' | 'attempts'>,
): SagaFailure {
  const { name, message, code } = describe(error)
  const data = isNonRetryable(error) ? storable(error.data) : undefined
  return {
    ...facts,
    name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(data === undefined ? {} : { data }),
  }
}

function describe(error: unknown): { name: string; message: string; code?: string } {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const code = (error as { code?: unknown }).code
  return { name: error.name, message: error.message, ...(typeof code === 'string' ? { code } : {}) }
}

function storable(data: unknown): unknown {
  try {
    return stored(data)
  } catch {
    return String(data)
  }
}
