import { isWellFormed } from '../format.ts'
import type { SetElement } from '../element.ts'
import type { StandardSchema } from '../schema.ts'
import {
  type CartField,
  type Container,
  type CounterField,
  type Field,
  type FlagField,
  type MapField,
  type RecordField,
  type SetField,
  TAG_OF,
  type ValueOf,
} from './field.ts'
import { CartHandle, SetHandle } from './element-handles.ts'
import { type Editor, Handle, type OrMapDelta } from './handle.ts'
import { ConflictsHandle, CounterHandle, FlagHandle, ValueHandle } from './leaf-handles.ts'
import { checkPath, isContainer, nameOf, stepOf, tagOf } from './path.ts'

/** The names that a container may have: those of its shape, or any text. */
export type NameOf<C> = C extends { readonly kind: 'record'; readonly shape: infer S }
  ? keyof S & string
  : string

/** The field of a name. */
export type FieldAt<C, N> = C extends { readonly kind: 'record'; readonly shape: infer S }
  ? S[N & keyof S]
  : C extends { readonly kind: 'map'; readonly of: infer F }
    ? F
    : never

/** What `at()` gives for a field. */
export type HandleOf<F> = F extends CounterField
  ? CounterHandle
  : F extends FlagField
    ? FlagHandle
    : F extends { readonly kind: 'value'; readonly schema: StandardSchema<infer T> | undefined }
      ? ValueHandle<T>
      : F extends { readonly kind: 'conflicts'; readonly schema: StandardSchema<infer T> | undefined }
        ? ConflictsHandle<T>
        : F extends SetField<infer E>
          ? SetHandle<E>
          : F extends CartField
            ? CartHandle
            : F extends Container
              ? MapHandle<F>
              : never

/** So many handles a handle keeps for the next `at()`. */
const MAX_HANDLES = 1024

/** A record or a map, at the root or nested. */
export class MapHandle<C extends Container> extends Handle {
  readonly #field: C
  /** To make the same path again for each edit costs more than the edit. */
  readonly #handles = new Map<string, Handle>()

  /** @internal Use `at()`. */
  constructor(editor: Editor, path: string, field: C) {
    super(editor, path)
    this.#field = field
  }

  /** All that is in it, as plain data made anew on each call: every name of a record, the present ones of a map. */
  get value(): ValueOf<C> {
    return valueAt(this.editor, this.path, this.#field) as ValueOf<C>
  }

  /** How many names have something in them. */
  get size(): number {
    return this.keys().length
  }

  /**
   * The names that have something in them, in order. Only those of the present shape: fields that an application
   * of another version has put in are kept and passed on, not shown.
   */
  keys(): NameOf<C>[] {
    const names: string[] = []
    for (const step of this.editor.store.steps(this.path)) {
      const name = nameOf(step)
      if (tagOf(step) === tagFor(this.#field, name)) names.push(name)
    }
    return names.toSorted() as NameOf<C>[]
  }

  /** True if something is there. A counter at 0 is, once it was counted; an emptied set is not. */
  has(name: NameOf<C>): boolean {
    const tag = tagFor(this.#field, name)
    if (tag === undefined) return false
    const path = this.path + stepOf(tag, name)
    const { store } = this.editor
    return isContainer(tag) ? store.steps(path).size > 0 : store.entries.has(path)
  }

  /**
   * The field of a name, to be read and edited. It need not be there: the first edit puts it in.
   *
   * @throws TypeError for a name that is not in the shape, or is ill-formed.
   * @throws RangeError if it is nested deeper than 32, or behind more than 512 units of names.
   */
  at<N extends NameOf<C>>(name: N): HandleOf<FieldAt<C, N>> {
    let handle = this.#handles.get(name)
    if (handle === undefined) {
      const field = checkName(this.#field, name)
      handle = handleFor(this.editor, this.path + stepOf(TAG_OF[field.kind], name), field)
      if (this.#handles.size === MAX_HANDLES) this.#handles.clear()
      this.#handles.set(name, handle)
    }
    return handle as HandleOf<FieldAt<C, N>>
  }

  /**
   * Takes away all of a name that this replica has seen. What was edited in it elsewhere meanwhile stays, without
   * the rest.
   *
   * @throws TypeError for a name that is not in the shape, or is ill-formed.
   */
  delete(name: NameOf<C>): OrMapDelta {
    const { kind } = checkName(this.#field, name)
    return this.removeAll(this.editor.store.below(this.path + stepOf(TAG_OF[kind], name)))
  }
}

function handleFor(editor: Editor, path: string, field: Field): Handle {
  switch (field.kind) {
    case 'counter':
      return new CounterHandle(editor, path)
    case 'flag':
      return new FlagHandle(editor, path)
    case 'value':
      return new ValueHandle(editor, path, field.schema)
    case 'conflicts':
      return new ConflictsHandle(editor, path, field.schema)
    case 'set':
      checkPath(path)
      return new SetHandle(editor, path)
    case 'cart':
      checkPath(path)
      return new CartHandle(editor, path)
    case 'record':
    case 'map':
      checkPath(path)
  }
  return new MapHandle(editor, path, field)
}

/** The field that a container has by this name, if it may have one. */
export const fieldAt = (container: Container, name: string): Field | undefined =>
  container.kind === 'map'
    ? container.of
    : Object.hasOwn(container.shape, name)
      ? container.shape[name]
      : undefined

function tagFor(container: Container, name: string): (typeof TAG_OF)[Field['kind']] | undefined {
  const field = fieldAt(container, name)
  return field && TAG_OF[field.kind]
}

function checkName(container: Container, name: string): Field {
  if (!isWellFormed(name))
    throw new TypeError(`key must be a well-formed string, got ${JSON.stringify(name)}`)
  const field = fieldAt(container, name)
  if (field !== undefined) return field
  throw new TypeError(`Cannot reach ${JSON.stringify(name)}: the shape has no such field`)
}

/** What is at a place, as plain data. */
function valueAt(editor: Editor, path: string, field: Field): unknown {
  switch (field.kind) {
    case 'counter':
      return new CounterHandle(editor, path).value
    case 'flag':
      return new FlagHandle(editor, path).value
    case 'value':
      return new ValueHandle(editor, path, field.schema).value
    case 'conflicts':
      return new ConflictsHandle(editor, path, field.schema).values
    case 'set':
      return [...new SetHandle(editor, path)].toSorted(compareElements)
    case 'cart':
      return dictionary([...new CartHandle(editor, path).value])
    case 'record':
      return recordAt(editor, path, field)
    case 'map':
  }
  return mapAt(editor, path, field)
}

const recordAt = (editor: Editor, path: string, { shape }: RecordField): unknown =>
  Object.fromEntries(
    Object.entries(shape).map(([name, field]) => [
      name,
      valueAt(editor, path + stepOf(TAG_OF[field.kind], name), field),
    ]),
  )

function mapAt(editor: Editor, path: string, field: MapField): unknown {
  const tag = TAG_OF[field.of.kind]
  const names = [...editor.store.steps(path)].filter((step) => tagOf(step) === tag).map(nameOf)
  return dictionary(
    names.toSorted().map((name) => [name, valueAt(editor, path + stepOf(tag, name), field.of)]),
  )
}

/** An object with nothing but its own keys: a look for `constructor` must not find what nobody put in. */
function dictionary(entries: readonly (readonly [string, unknown])[]): unknown {
  const object: unknown = Object.create(null)
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  }
  return object
}

const ORDER = ['number', 'bigint', 'string']

/** Numbers, big integers, texts by UTF-16 units. */
function compareElements(a: SetElement, b: SetElement): number {
  if (typeof a !== typeof b) return ORDER.indexOf(typeof a) - ORDER.indexOf(typeof b)
  return a < b ? -1 : a > b ? 1 : 0
}
