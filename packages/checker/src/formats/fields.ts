import { excerpt } from './source.ts'

/** Sets a field of an object that was read; refuses what would not be a plain field of its own. */
export function putField(
  object: Record<string, unknown>,
  name: string,
  value: unknown,
  fail: (reason: string) => never,
): void {
  if (name === '__proto__') fail('a key may not be called "__proto__"')
  if (Object.hasOwn(object, name)) fail(`the key ${excerpt(name)} is there twice`)
  object[name] = value
}
