import {
  elementFromJSON,
  elementToJSON,
  isElement,
  readElement,
  type SetElement,
  writeElement,
} from './element.ts'
import type { TypeFormat } from './format.ts'
import type { Live } from './fragment.ts'
import type { FragmentFormat } from './fragment-codec.ts'
import { IndexedDotStore } from './indexed-dot-store.ts'

/** The format of sets that remember removals. The payload of an entry: true if it adds the element, false if it removes it. */
export const addRemoveFormat = <T extends '2p-set' | 'rw-set'>({
  type,
  tag,
}: TypeFormat<T>): FragmentFormat<T, SetElement, boolean> => ({
  type,
  tag,
  writeKey: writeElement,
  readKey: readElement,
  isKey: isElement,
  writePayload: (writer, adds) => writer.byte(adds ? 1 : 0),
  readPayload: (reader) => {
    const byte = reader.byte()
    if (byte > 1) reader.fail('an entry neither adds nor removes')
    return byte === 1
  },
  isPayload: (payload) => typeof payload === 'boolean',
  samePayload: (a, b) => a === b,
  toJSON: (element, adds) => ({ element: elementToJSON(element), adds }),
  fromJSON: ({ element, adds }) => ({ key: elementFromJSON(element), payload: adds }),
})

/** Knows which elements are removed: those with an entry that says so. */
export class AddRemoveStore extends IndexedDotStore<SetElement, boolean> {
  /** How many such entries an element has. Counted: to look through its entries costs too much where a peer sends many. */
  readonly removals: Map<SetElement, number> = new Map()

  /** How many elements are there: those of which no entry removes. */
  get present(): number {
    return this.entries.size - this.removals.size
  }

  isPresent(element: SetElement): boolean {
    return this.entries.has(element) && !this.removals.has(element)
  }

  protected override insert(entry: Live<SetElement, boolean>): void {
    super.insert(entry)
    if (!entry.payload) this.removals.set(entry.key, (this.removals.get(entry.key) ?? 0) + 1)
  }

  protected override unlink(entry: Live<SetElement, boolean>): void {
    super.unlink(entry)
    if (entry.payload) return
    const left = (this.removals.get(entry.key) ?? 0) - 1
    if (left > 0) this.removals.set(entry.key, left)
    else this.removals.delete(entry.key)
  }
}
