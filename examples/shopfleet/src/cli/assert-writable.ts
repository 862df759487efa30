import { access, constants, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UsageError } from './usage-error.ts'

/** @throws UsageError if a report cannot be written there. */
export async function assertWritable(path: string): Promise<void> {
  try {
    const existing = await stat(path).catch(() => undefined)
    if (existing?.isDirectory() === true)
      throw new UsageError(`Cannot write the report: ${path} is a folder; name a file`)
    await access(existing === undefined ? dirname(path) : path, constants.W_OK)
  } catch (error) {
    if (error instanceof UsageError) throw error
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'its folder does not exist' : 'no permission to write there'
    throw new UsageError(`Cannot write the report to ${path}: ${why}; give another --report`, {
      cause: error,
    })
  }
}
