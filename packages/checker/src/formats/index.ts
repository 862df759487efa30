/**
 * Histories from files: Jepsen, Knossos, Elle, Porcupine, Plume, AWDIT, dbcop and our own JSON.
 * @packageDocumentation
 */
export { HistoryFormatError } from '../errors.ts'
export { detectFormat, type HistoryFormat } from './detect-format.ts'
export type { ReadLimits } from './limits.ts'
export { parseHistory, type ParseHistoryOptions } from './parse-history.ts'
export { serializeHistory } from './quorate-json.ts'
