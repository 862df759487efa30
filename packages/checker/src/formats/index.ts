/**
 * Histories from files: Jepsen, Knossos, Elle, Porcupine, Plume, AWDIT, dbcop and our own JSON.
 * @packageDocumentation
 */
export { HistoryFormatError } from '../errors.ts'
