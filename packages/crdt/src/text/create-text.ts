import { decodeRows } from './decoder.ts'
import { opsFromJSON } from './text-json.ts'
import type { TextOptions } from './options.ts'
import { Text } from './text.ts'

/**
 * An empty text that any number of replicas edit at once. What each of them writes stays in one piece: of
 * "Hello" and "World", put in at 0 by two who did not know of each other, one comes after the other, for
 * everybody (FugueMax: Weidner, Kleppmann, _The Art of the Fugue_, IEEE TPDS 2025).
 *
 * @throws TypeError or RangeError for options that are not what they should be.
 *
 * @example
 * ```ts
 * const text = createText({ replica: 'phone' })
 * const delta = text.insert(0, 'Hello')
 * laptop.merge(delta.encode())
 * ```
 */
export function createText(options: TextOptions): Text {
  return new Text(options)
}

/**
 * The text that `encode()` wrote, to be edited as `options.replica`.
 *
 * @throws DecodeError on anything else.
 */
export function decodeText(bytes: Uint8Array, options: TextOptions): Text {
  return new Text(options, decodeRows(bytes))
}

/** The text that `toJSON()` made. @throws DecodeError on anything else. */
export function textFromJSON(json: unknown, options: TextOptions): Text {
  return new Text(options, opsFromJSON(json))
}
