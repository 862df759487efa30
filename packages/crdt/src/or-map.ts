import type { ReplicaOptions } from './crdt.ts'
import { Dotted, type Source } from './dotted.ts'
import { decodeFragment, fragmentFromJSON } from './fragment-codec.ts'
import type { Content, Entry, Fragment, Live } from './fragment.ts'
import {
  type Container,
  type Field,
  type FieldOf,
  fieldOf,
  hasSchema,
  type Shape,
  TAG_OF,
  type ValueOf,
} from './map/field.ts'
import type { Editor, OrMapDelta } from './map/handle.ts'
import { type FieldAt, fieldAt, type HandleOf, MapHandle, type NameOf } from './map/map-handle.ts'
import { PathStore } from './map/path-store.ts'
import { leafOf, nameOf, namesOf, stepsOf, tagOf } from './map/path.ts'
import { FORMAT, type Payload } from './map/payload.ts'
import { checkValue, type StandardSchema } from './schema.ts'
import { type Stamped, type StampOptions, Stamper } from './stamped.ts'
import type { CrdtValue } from './value.ts'

/** Options of {@link createOrMap}, `decodeOrMap` and `orMapFromJSON`. */
export interface OrMapOptions<D extends Shape | Container = Shape | Container>
  extends ReplicaOptions, StampOptions {
  /**
   * The fields of the map: names and kinds, or `field.mapOf(…)` for fields of one kind by any name. It is a view:
   * what others have put in beside it is kept and passed on. Field names and kinds belong together: a replica for
   * which `visits` is a counter and one for which it is a set edit two fields.
   */
  readonly shape: D
}

/** What {@link createOrMap} makes of a shape. */
export type OrMapOf<D> = FieldOf<D> extends infer C extends Container ? OrMap<C> : never

/** A map of nested fields; see {@link createOrMap}. */
export class OrMap<C extends Container> extends Dotted<'or-map', string, Payload, ValueOf<C>> {
  declare protected readonly store: PathStore
  readonly #field: C
  readonly #hasSchema: boolean
  readonly #stamper: Stamper
  readonly #root: MapHandle<C>
  /** The edits of the `update` that is running. */
  #group: Fragment<string, Payload>[] | undefined

  /** @internal Use `createOrMap`, `decodeOrMap` or `orMapFromJSON`. */
  constructor(options: ReplicaOptions & StampOptions, field: C, source?: Source<string, Payload> | OrMap<C>) {
    const store = new PathStore(FORMAT)
    super(FORMAT, store, options)
    const { replica } = options
    this.#field = field
    this.#hasSchema = hasSchema(field)
    this.#stamper = source instanceof OrMap ? source.#stamper.fork(replica) : new Stamper(replica, options)
    const editor: Editor = {
      replica,
      store,
      stamper: this.#stamper,
      commit: (removed, puts) => this.#commit(removed, puts),
    }
    this.#root = new MapHandle(editor, '', field)
    this.load(source)
  }

  /**
   * All that is in the map, as plain data made anew on each call.
   *
   * @throws RangeError if the sum of a counter in it passes 2^53 − 1; its handle has a `bigValue`.
   */
  get value(): ValueOf<C> {
    return this.#root.value
  }

  /** How many names have something in them. */
  get size(): number {
    return this.#root.size
  }

  /** The names that have something in them, in order; only those of the shape. */
  keys(): NameOf<C>[] {
    return this.#root.keys()
  }

  /** True if something is there. A counter at 0 is, once it was counted; an emptied set is not. */
  has(name: NameOf<C>): boolean {
    return this.#root.has(name)
  }

  /**
   * The field of a name, to be read and edited. It need not be there: the first edit puts it in.
   *
   * @throws TypeError for a name that is not in the shape, or is ill-formed.
   */
  at<N extends NameOf<C>>(name: N): HandleOf<FieldAt<C, N>> {
    return this.#root.at(name)
  }

  /**
   * Takes away all of a name that this replica has seen. What was edited in it elsewhere meanwhile stays, without
   * the rest; of a counter that was counted meanwhile stays all that the replica which did so has ever counted.
   */
  delete(name: NameOf<C>): OrMapDelta {
    return this.#root.delete(name)
  }

  /** Takes away all that this replica has seen, fields of other versions too. */
  clear(): OrMapDelta {
    return this.#root.clear()
  }

  /**
   * Makes several edits and gives them as one delta.
   *
   * If `edits` throws, what it had edited until then stays, and `deltaSince` has it.
   *
   * @throws TypeError if `edits` is async: who else edits meanwhile would be in the group.
   */
  update(edits: () => void): OrMapDelta {
    const outer = this.#group
    const group: Fragment<string, Payload>[] = []
    this.#group = group
    let result: unknown
    try {
      result = edits()
    } finally {
      this.#group = outer
      for (const fragment of group) outer?.push(fragment)
    }
    if (typeof result === 'object' && result !== null && 'then' in result) {
      throw new TypeError('edits must not be async: end the update before you wait')
    }
    const [first, ...others] = group.map((fragment) => this.delta(fragment))
    return others.reduce(
      (sum, one) => sum.merge(one),
      first ?? this.delta(this.store.edit(this.replica, [], [])),
    )
  }

  clone(options: Partial<ReplicaOptions> = {}): OrMap<C> {
    return new OrMap({ replica: options.replica ?? this.replica }, this.#field, this)
  }

  protected override admit(news: readonly Entry<string, Payload>[]): void {
    if (this.#hasSchema) for (const entry of news) this.#check(entry)
    const stamped = news.filter(({ key }) => leafOf(key) === 'v')
    this.#stamper.receive(stamped as readonly Entry<string, Stamped>[])
  }

  #commit(removed: readonly Live<string, Payload>[], puts: readonly Content<string, Payload>[]): OrMapDelta {
    const fragment = this.store.edit(this.replica, removed, puts)
    this.#group?.push(fragment)
    return this.delta(fragment)
  }

  /** Checks a value that comes in by the schema of its field, if it is one of the shape. */
  #check({ key, payload }: Entry<string, Payload>): void {
    let at: Field | undefined = this.#field
    for (const step of stepsOf(key)) {
      if (at.kind !== 'record' && at.kind !== 'map') return
      at = fieldAt(at, nameOf(step))
      if (at === undefined || TAG_OF[at.kind] !== tagOf(step)) return
    }
    const check = (schema: StandardSchema | undefined, value: CrdtValue): void =>
      checkValue(this.type, schema, value, false, () => namesOf(key))
    if (at.kind === 'value') check(at.schema, (payload as Stamped).value)
    if (at.kind === 'conflicts') check(at.schema, payload as CrdtValue)
  }
}

/**
 * An empty map of CRDTs, nested as deep as need be: each field merges by its own kind, so that two devices which
 * edit different fields of one document, or the same counter or set in it, both keep their edits.
 *
 * Observed-remove: `delete` and `clear` take away what the replica had seen, at any depth, and nothing of it is
 * kept; edits made elsewhere meanwhile stay. A field is there as long as something is in it.
 *
 * Sources: Brown, Cribbs, Meiklejohn, Elliott, _Riak DT Map: A Composable, Convergent Replicated Dictionary_, PaPEC
 * 2014; Almeida, Shoker, Baquero 2018, section 7.3.
 *
 * `merge` refuses values that a schema does not allow with an InvalidValueError, and stamps from the future with a
 * ClockDriftError: the whole of what came, and nothing is changed.
 *
 * @throws TypeError for an empty or ill-formed replica, or a shape that is none.
 * @throws RangeError for a negative `maxDriftMs`.
 *
 * @example
 * ```ts
 * const user = createOrMap({
 *   replica: 'phone',
 *   shape: { name: field.value<string>(), visits: field.counter(), addresses: field.mapOf({ street: field.value<string>() }) },
 * })
 * const delta = user.at('addresses').at('home').at('street').set('Main St 1')
 * laptop.merge(delta)
 * user.value // { name: undefined, visits: 0, addresses: { home: { street: 'Main St 1' } } }
 * ```
 */
export function createOrMap<const D extends Shape | Container>(options: OrMapOptions<D>): OrMapOf<D> {
  return make(options)
}

/**
 * The map that `encode()` wrote, to be edited as `options.replica`. Without schemas the types of its values are the
 * caller's word.
 *
 * @throws DecodeError on anything else; InvalidValueError and ClockDriftError as `merge`.
 */
export function decodeOrMap<const D extends Shape | Container>(
  bytes: Uint8Array,
  options: OrMapOptions<D>,
): OrMapOf<D> {
  return make(options, decodeFragment(FORMAT, bytes))
}

/** The map that `toJSON()` made. @throws DecodeError on anything else; else as {@link decodeOrMap}. */
export function orMapFromJSON<const D extends Shape | Container>(
  json: unknown,
  options: OrMapOptions<D>,
): OrMapOf<D> {
  return make(options, fragmentFromJSON(FORMAT, json))
}

function make<D extends Shape | Container>(
  options: OrMapOptions<D>,
  source?: Source<string, Payload>,
): OrMapOf<D> {
  const of = fieldOf<Shape | Container>(options.shape) as Field
  if (of.kind === 'record' || of.kind === 'map')
    return new OrMap(options, of, source) as unknown as OrMapOf<D>
  throw new TypeError(`shape must be an object of fields or field.mapOf(), got a ${of.kind}`)
}
