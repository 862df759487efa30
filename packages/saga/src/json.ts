/**
 * What is left of a value after it was written to the log as JSON and read back: a `Date` is a string,
 * a method is gone. Steps always see this form, before a crash as after one.
 */
export type Stored<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends void
    ? undefined
    : T extends { toJSON(): infer J }
      ? Stored<J>
      : T extends (...args: never[]) => unknown
        ? undefined
        : T extends readonly unknown[]
          ? { [K in keyof T]: Stored<T[K]> }
          : T extends object
            ? { [K in keyof T]: Stored<T[K]> }
            : unknown

/**
 * The JSON text of a value; `undefined` for a value that has none (undefined, a function).
 *
 * @throws TypeError for a cycle or a BigInt.
 */
export function encode(value: unknown): string | undefined {
  return JSON.stringify(value)
}

/** A value as it will be read back from the log. */
export function stored(value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'boolean' || value === undefined) return value
  return decode(encode(value))
}

/** The value of a JSON text; `undefined` for no text. */
export function decode(text: string | undefined): unknown {
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}

/** Whether two JSON values are the same, whatever the order of their keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && sameJson(left[key], right[key]))
  )
}
