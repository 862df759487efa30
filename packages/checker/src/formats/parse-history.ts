import type { History } from '../history.ts'
import { readAwdit } from './awdit.ts'
import { detectFormat, type HistoryFormat } from './detect-format.ts'
import { readEdn } from './edn.ts'
import { readJepsenLog } from './jepsen-log.ts'
import { readJson } from './json.ts'
import { checkedLimits, type ReadLimits } from './limits.ts'
import { readPlume } from './plume.ts'
import { type Source, sourceOf } from './source.ts'

/** Options of {@link parseHistory}. */
export interface ParseHistoryOptions extends ReadLimits {
  /** Name for messages and for `history.name`. Default: `history`, and no name. */
  readonly file?: string | undefined
  /** Default: what {@link detectFormat} finds. */
  readonly format?: HistoryFormat | undefined
  /**
   * What the history is one of. Only EDN needs it, which has conventions of the models in it (in a `cas-register`
   * a read of nil says nothing, and the initial value is 0). Default: by the names of the operations.
   */
  readonly model?: string | undefined
}

/**
 * Reads a history. Operations keep the lines they came from; `start` and `end` are the places of events in the
 * file, from 0. Operations that failed stay in it as `fail`, those without an answer as `unknown`.
 *
 * @throws HistoryFormatError if the text is none of the formats, cut off, contradicts itself or is beyond a limit.
 *
 * @example
 * ```ts
 * import { parseHistory } from '@quorate/checker/formats'
 *
 * const history = parseHistory(`
 *   {:process 0, :type :invoke, :f :write, :value 3}
 *   {:process 0, :type :ok,     :f :write, :value 3}`)
 * console.log(history.operations.length) // 1
 * ```
 */
export function parseHistory(text: string | Uint8Array, options: ParseHistoryOptions = {}): History {
  const source: Source = sourceOf(text, options.file ?? 'history', checkedLimits(options))
  const format = options.format ?? detectFormat(source.text)
  if (format === undefined)
    source.fail(1, 'it is in none of the known formats: Jepsen EDN or log, JSON, Plume, AWDIT, dbcop')
  const history = read(source, format, options)
  return history.name === undefined && options.file !== undefined
    ? { ...history, name: options.file }
    : history
}

function read(source: Source, format: HistoryFormat, options: ParseHistoryOptions): History {
  switch (format) {
    case 'edn':
      return readEdn(source, options.model)
    case 'jepsen-log':
      return readJepsenLog(source)
    case 'plume':
      return readPlume(source)
    case 'awdit':
      return readAwdit(source)
    case 'json':
    case 'dbcop':
    case 'quorate':
      return readJson(source, options.format === undefined ? undefined : format)
    default:
      throw new TypeError(`No such format: ${String(format satisfies never)}`)
  }
}
