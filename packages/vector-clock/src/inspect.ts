/** `inspect()` of `node:util`, as it hands itself in. */
type Inspect = (value: unknown, options: unknown) => string

/**
 * Has `console.log` of Node, Deno and Bun show the JSON of a class's objects, whose own fields it cannot see.
 *
 * Called by a static field of the class, and marked as pure there: a method with a computed name would keep bundlers
 * from leaving out a class that is not used.
 */
export function show(type: { prototype: { toJSON(): object } }, name: string): true {
  Object.defineProperty(type.prototype, Symbol.for('nodejs.util.inspect.custom'), {
    value(this: { toJSON(): object }, _depth: unknown, options: unknown, inspect: Inspect) {
      return `${name} ${inspect(this.toJSON(), options)}`
    },
  })
  return true
}
