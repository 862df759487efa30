import type { Delta, ReplicaOptions } from './crdt.ts'
import { DotStore } from './dot-store.ts'
import { Dotted, type Source } from './dotted.ts'
import { decodeFragment, type FragmentFormat, fragmentFromJSON } from './fragment-codec.ts'

/** An edit of a flag, or several. */
export type EwFlagDelta = Delta<'ew-flag'>

/** The one key of a flag's entries: not written, as there is no other. */
const KEY = ''

// An entry is an enabling that was not taken back.
const FORMAT: FragmentFormat<'ew-flag', string, undefined> = {
  type: 'ew-flag',
  tag: 8,
  writeKey: () => {},
  readKey: () => KEY,
  isKey: (key): key is string => key === KEY,
  writePayload: () => {},
  readPayload: () => undefined,
  isPayload: (payload) => payload === undefined,
  samePayload: () => true,
  toJSON: () => ({}),
  fromJSON: () => ({ key: KEY, payload: undefined }),
}

/** A flag in which enabling wins; see {@link createEwFlag}. */
export class EwFlag extends Dotted<'ew-flag', string, undefined, boolean> {
  /** @internal Use `createEwFlag`, `decodeEwFlag` or `ewFlagFromJSON`. */
  constructor(options: ReplicaOptions, source?: Source<string, undefined> | EwFlag) {
    super(FORMAT, new DotStore(FORMAT), options)
    this.load(source)
  }

  /** True if it is enabled. */
  get value(): boolean {
    return this.store.entries.size > 0
  }

  /** Enables it; wins over a disabling that does not know of it. */
  enable(): EwFlagDelta {
    return this.delta(this.store.put(this.replica, KEY, undefined, true))
  }

  /** Disables it, as far as this replica has seen it enabled. */
  disable(): EwFlagDelta {
    return this.delta(this.store.remove(this.replica, [KEY]))
  }

  clone(options: Partial<ReplicaOptions> = {}): EwFlag {
    return new EwFlag({ replica: options.replica ?? this.replica }, this)
  }
}

/**
 * A flag that is false until somebody enables it, and true if of an enabling and a disabling neither knew of the
 * other (as an OR-Set with one element): for what must not be missed, as "needs review".
 *
 * @throws TypeError for an empty or ill-formed replica.
 *
 * @example
 * ```ts
 * const needsReview = createEwFlag({ replica: 'eu-1' })
 * const delta = needsReview.enable()
 * peer.merge(delta.encode())
 * ```
 */
export function createEwFlag(options: ReplicaOptions): EwFlag {
  return new EwFlag(options)
}

/** The flag that `encode()` wrote, to be edited as `options.replica`. @throws DecodeError on anything else. */
export function decodeEwFlag(bytes: Uint8Array, options: ReplicaOptions): EwFlag {
  return new EwFlag(options, decodeFragment(FORMAT, bytes))
}

/** The flag that `toJSON()` made. @throws DecodeError on anything else. */
export function ewFlagFromJSON(json: unknown, options: ReplicaOptions): EwFlag {
  return new EwFlag(options, fragmentFromJSON(FORMAT, json))
}
