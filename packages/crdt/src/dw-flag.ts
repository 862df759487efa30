import type { Delta, ReplicaOptions } from './crdt.ts'
import { DotStore } from './dot-store.ts'
import { Dotted, type Source } from './dotted.ts'
import { decodeFragment, type FragmentFormat, fragmentFromJSON } from './fragment-codec.ts'

/** An edit of a flag, or several. */
export type DwFlagDelta = Delta<'dw-flag'>

/** The one key of a flag's entries: not written, as there is no other. */
const KEY = ''

// An entry is an enabling or a disabling, by its payload, that no later edit took back.
const FORMAT: FragmentFormat<'dw-flag', string, boolean> = {
  type: 'dw-flag',
  tag: 9,
  writeKey: () => {},
  readKey: () => KEY,
  isKey: (key): key is string => key === KEY,
  writePayload: (writer, enables) => writer.byte(enables ? 1 : 0),
  readPayload: (reader) => {
    const byte = reader.byte()
    if (byte > 1) reader.fail('an entry neither enables nor disables')
    return byte === 1
  },
  isPayload: (payload) => typeof payload === 'boolean',
  samePayload: (a, b) => a === b,
  toJSON: (_key, enables) => ({ enables }),
  fromJSON: ({ enables }) => ({ key: KEY, payload: enables }),
}

/** A flag in which disabling wins; see {@link createDwFlag}. */
export class DwFlag extends Dotted<'dw-flag', string, boolean, boolean> {
  /** @internal Use `createDwFlag`, `decodeDwFlag` or `dwFlagFromJSON`. */
  constructor(options: ReplicaOptions, source?: Source<string, boolean> | DwFlag) {
    super(FORMAT, new DotStore(FORMAT), options)
    this.load(source)
  }

  /** True if it is enabled. */
  get value(): boolean {
    return this.store.entries.size > 0 && this.store.list(KEY).every(({ payload }) => payload)
  }

  /** Enables it, and takes back the disablings this replica has seen. */
  enable(): DwFlagDelta {
    return this.delta(this.store.put(this.replica, KEY, true, true))
  }

  /** Disables it; wins over an enabling that does not know of it. */
  disable(): DwFlagDelta {
    return this.delta(this.store.put(this.replica, KEY, false, true))
  }

  clone(options: Partial<ReplicaOptions> = {}): DwFlag {
    return new DwFlag({ replica: options.replica ?? this.replica }, this)
  }
}

/**
 * A flag that is false until somebody enables it, and false if of an enabling and a disabling neither knew of the
 * other (as a remove-wins set with one element): for what needs everybody's consent, as "may send mail".
 *
 * @throws TypeError for an empty or ill-formed replica.
 *
 * @example
 * ```ts
 * const maySendMail = createDwFlag({ replica: 'eu-1' })
 * const delta = maySendMail.disable()
 * peer.merge(delta.encode()) // also if the peer has just enabled it
 * ```
 */
export function createDwFlag(options: ReplicaOptions): DwFlag {
  return new DwFlag(options)
}

/** The flag that `encode()` wrote, to be edited as `options.replica`. @throws DecodeError on anything else. */
export function decodeDwFlag(bytes: Uint8Array, options: ReplicaOptions): DwFlag {
  return new DwFlag(options, decodeFragment(FORMAT, bytes))
}

/** The flag that `toJSON()` made. @throws DecodeError on anything else. */
export function dwFlagFromJSON(json: unknown, options: ReplicaOptions): DwFlag {
  return new DwFlag(options, fragmentFromJSON(FORMAT, json))
}
