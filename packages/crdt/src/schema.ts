import type { CrdtType } from './crdt.ts'
import { InvalidValueError, type ValueIssue } from './errors.ts'
import { type CrdtValue, handOut } from './value.ts'

/**
 * The part of Standard Schema v1 (standardschema.dev) that is called, so that zod, Valibot, ArkType and others
 * fit without an adapter. It must answer at once: a merge cannot wait.
 *
 * It is a check. What the schema makes of a value (defaults, coerced numbers, stripped keys) is not kept: two
 * versions of an application would make different things of one edit, and their replicas part.
 */
export interface StandardSchema<Input = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>
    readonly types?: { readonly input: Input; readonly output: unknown } | undefined
  }
}

/** The answer of a {@link StandardSchema}: `issues` if the value is refused. */
export interface SchemaResult {
  readonly value?: unknown
  readonly issues?: readonly ValueIssue[] | undefined
}

/** @throws TypeError if it is neither a schema nor `undefined`. */
export function checkIsSchema(schema: StandardSchema | undefined): void {
  if (schema === undefined) return
  // A schema may be a function, as ArkType's are.
  if (typeof (schema as StandardSchema | null)?.['~standard']?.validate === 'function') return
  throw new TypeError(
    `schema must be a Standard Schema, as zod's are, got ${typeof schema} without "~standard"`,
  )
}

/**
 * Checks a value of our own.
 *
 * @param isLocal true if a call gave it, false if it came from elsewhere.
 * @param path makes the way to it, for the message.
 * @throws InvalidValueError if the schema refuses it.
 * @throws TypeError if the schema answers later.
 */
export function checkValue(
  type: CrdtType,
  schema: StandardSchema | undefined,
  value: CrdtValue,
  isLocal: boolean,
  path?: () => readonly string[],
): void {
  if (schema === undefined) return
  const result = schema['~standard'].validate(handOut(value))
  if ('then' in result) {
    // Nobody will wait for it, so nobody would catch it either.
    result.then(undefined, () => {})
    throw new TypeError('schema must answer at once, got a Promise; use a schema without async checks')
  }
  if (result.issues !== undefined) throw new InvalidValueError(type, result.issues, isLocal, path?.() ?? [])
}

/** Options of types that hold values. */
export interface ValueOptions<T> {
  /** Checks each value that is set here or comes by a merge; what it refuses changes nothing. Default: none. */
  readonly schema?: StandardSchema<T> | undefined
}
