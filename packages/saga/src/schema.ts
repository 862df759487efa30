/**
 * The part of Standard Schema v1 (standardschema.dev) this package calls, so that zod, valibot and
 * arktype schemas can be handed in as they are.
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

/** What a schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: unknown }[] }

/**
 * Checks a value.
 *
 * @returns the value, as the schema changed it.
 * @throws TypeError naming what was checked and the first issue.
 */
export async function check(
  schema: StandardSchema | undefined,
  value: unknown,
  what: string,
): Promise<unknown> {
  if (schema === undefined) return value
  const result = await schema['~standard'].validate(value)
  if (result.issues === undefined) return result.value
  const [first] = result.issues
  throw new TypeError(`Cannot accept ${what}: ${first?.message ?? 'the schema refused it'}`)
}
