import { checkIsSchema, type StandardSchema, type ValueOptions } from '../schema.ts'
import type { CrdtValue, Frozen, Storable } from '../value.ts'
import type { SetElement } from '../element.ts'
import type { ContainerTag, LeafTag } from './path.ts'

/** A number that replicas count up and down. */
export interface CounterField {
  readonly kind: 'counter'
}
/** True or false; enabling wins. */
export interface FlagField {
  readonly kind: 'flag'
}
/** One value; the last write stays. */
export interface ValueField<T = unknown> {
  readonly kind: 'value'
  readonly schema: StandardSchema<T> | undefined
}
/** One value, or all that were set without knowing of each other. */
export interface ConflictsField<T = unknown> {
  readonly kind: 'conflicts'
  readonly schema: StandardSchema<T> | undefined
}
/** Elements; adding wins. */
export interface SetField<E extends SetElement = SetElement> {
  readonly kind: 'set'
  /** Only a type: there is nothing here. */
  readonly element?: E | undefined
}
/** Quantities by SKU. */
export interface CartField {
  readonly kind: 'cart'
}
/** Fields by known names, each of its own kind. */
export interface RecordField<S extends Shape = Shape> {
  readonly kind: 'record'
  readonly shape: S
}
/** Fields of one kind, by any name. */
export interface MapField<F extends Field = Field> {
  readonly kind: 'map'
  readonly of: F
}

/** What may be in a map. */
export type Field =
  | CounterField
  | FlagField
  | ValueField
  | ConflictsField
  | SetField
  | CartField
  | RecordField
  // Not MapField<Field>: that would have no end.
  | { readonly kind: 'map'; readonly of: Field }

/** Names and kinds of fields. */
export interface Shape {
  readonly [name: string]: Field
}

/** What holds other fields. */
export type Container = RecordField | MapField

/** A shape as the record it stands for; a field as it is. */
export type FieldOf<D> = D extends Field ? D : D extends Shape ? RecordField<D> : never

/** What a field holds, as plain data: sets as lists, maps and carts as objects. */
export type ValueOf<F> = F extends CounterField
  ? number
  : F extends FlagField
    ? boolean
    : F extends { readonly kind: 'value'; readonly schema: StandardSchema<infer T> | undefined }
      ? Frozen<T> | undefined
      : F extends { readonly kind: 'conflicts'; readonly schema: StandardSchema<infer T> | undefined }
        ? readonly Frozen<T>[]
        : F extends SetField<infer E>
          ? readonly E[]
          : F extends CartField
            ? { readonly [sku: string]: number }
            : F extends { readonly kind: 'record'; readonly shape: infer S }
              ? { readonly [K in keyof S]: ValueOf<S[K]> }
              : F extends { readonly kind: 'map'; readonly of: infer G }
                ? { readonly [key: string]: ValueOf<G> }
                : never

/** The kinds of fields that a map may hold, for its shape. */
export const field: {
  /** A number that replicas count up and down. */
  counter(): CounterField
  /** True or false, false at first; of an enabling and a disabling that do not know of each other, the first wins. */
  flag(): FlagField
  /** One value, of which the last write stays, as `createLwwRegister` has it. */
  value<T extends Storable<T> = CrdtValue>(options?: ValueOptions<T>): ValueField<T>
  /** One value, or all that were set without knowing of each other, as `createMvRegister` has it. */
  conflicts<T extends Storable<T> = CrdtValue>(options?: ValueOptions<T>): ConflictsField<T>
  /** Elements, as `createOrSet` has them: an add wins over a removal that does not know of it. */
  set<E extends SetElement = string>(): SetField<E>
  /** Quantities by SKU, as `createCart` has them. */
  cart(): CartField
  /** Fields by known names. */
  record<const S extends Shape>(shape: S): RecordField<S>
  /** Fields of one kind by any name; a shape is short for a record of it. */
  mapOf<const D extends Field | Shape>(of: D): MapField<FieldOf<D>>
} = {
  counter: () => ({ kind: 'counter' }),
  flag: () => ({ kind: 'flag' }),
  value: ({ schema } = {}) => ({ kind: 'value', schema: checked(schema) }),
  conflicts: ({ schema } = {}) => ({ kind: 'conflicts', schema: checked(schema) }),
  set: () => ({ kind: 'set' }),
  cart: () => ({ kind: 'cart' }),
  record: (shape) => ({ kind: 'record', shape: checkedShape(shape) }),
  mapOf: (of) => ({ kind: 'map', of: fieldOf(of) }),
}

/** The letter of each kind in paths. */
export const TAG_OF: Readonly<Record<Field['kind'], ContainerTag | LeafTag>> = {
  counter: 'n',
  flag: 'f',
  value: 'v',
  conflicts: 'c',
  set: 's',
  cart: 'b',
  record: 'r',
  map: 'm',
}

/** The record of a shape; a field as it is. @throws TypeError for anything else. */
export function fieldOf<D extends Field | Shape>(of: D): FieldOf<D> {
  if (isField(of)) return of as FieldOf<D>
  return { kind: 'record', shape: checkedShape(of) } as RecordField as FieldOf<D>
}

/** True if some value in it is checked by a schema. */
export function hasSchema(of: Field): boolean {
  if (of.kind === 'record') return Object.values(of.shape).some(hasSchema)
  if (of.kind === 'map') return hasSchema(of.of)
  return 'schema' in of && of.schema !== undefined
}

function isField(of: unknown): of is Field {
  // A shape may have a field named `kind`, which then is a field and not a text.
  const { kind } = (of ?? {}) as { readonly kind?: unknown }
  return typeof kind === 'string' && Object.hasOwn(TAG_OF, kind)
}

function checkedShape<S extends Shape>(shape: S): S {
  const isShape = typeof shape === 'object' && shape !== null && Object.values(shape).every(isField)
  if (isShape) return shape
  throw new TypeError('shape must be an object of fields, as { visits: field.counter() }')
}

function checked<T>(schema: StandardSchema<T> | undefined): StandardSchema<T> | undefined {
  checkIsSchema(schema)
  return schema
}
