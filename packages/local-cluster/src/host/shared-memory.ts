import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { run } from './run.ts'

/**
 * Removes the System V segment of a Postgres that was killed (56 bytes, but a machine has room for 4,096
 * of them). Line 7 of `postmaster.pid` holds its key and id; a server that ended in order has removed both.
 * Call only when all of its processes are gone: a start would use it to look for survivors.
 */
export async function removeSharedMemory(dataFolder: string): Promise<void> {
  const text = await readFile(path.join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '')
  const id = text.split('\n')[6]?.trim().split(/\s+/)[1]
  if (id === undefined || !/^\d+$/.test(id)) return
  // It fails if the segment is gone already, which is as well.
  await run('ipcrm', ['-m', id]).catch(() => {})
}
