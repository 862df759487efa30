import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const FOLDER = join(import.meta.dirname, '../../../../../shared/data/histories')

/** What a test says that has to be skipped. */
export const NO_DATA = 'the shared data (shared/data/histories) is not beside the project'
export const hasData: boolean = existsSync(join(FOLDER, 'manifest.json'))

/** One file of the collection and what is true of it; see its README. */
export interface ManifestEntry {
  readonly file: string
  readonly model: string
  readonly format: string
  readonly init?: unknown
  readonly ops?: number
  readonly txns?: number
  readonly sessions?: number
  readonly expect: Record<string, unknown> | Record<string, unknown>[]
  readonly reference?: Record<string, boolean>
  readonly asserted_by_source?: Record<string, boolean>
}

export function manifest(): ManifestEntry[] {
  return JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8')) as ManifestEntry[]
}

/** The content of a file of the collection, decompressed. */
export function dataOf(file: string): Uint8Array {
  const bytes = readFileSync(join(FOLDER, file))
  return file.endsWith('.gz') ? gunzipSync(bytes) : bytes
}
