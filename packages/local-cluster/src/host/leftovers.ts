import { readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { killProcess } from '@quorate/chaos'
import type { Clock } from '@quorate/core'
import { isAlive } from './process-identity.ts'

/**
 * Ends the servers that a dead owner has left in a folder, as its watchdog does, in case we come before
 * the watchdog or the watchdog is dead as well. A pid that is another process by now is let be.
 */
export async function endLeftovers(root: string, clock: Clock): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith('servers.')) continue
    const file = path.join(root, name)
    const text = await readFile(file, 'utf8').catch(() => '')
    for (const line of text.split('\n')) {
      const [pid = '', startTime = ''] = line.split('\t')
      if (startTime !== '' && isAlive(Number(pid), startTime)) {
        await killProcess(Number(pid), { tree: true, clock, deadlineMs: 30_000 })
      }
    }
    await rm(file, { force: true })
  }
}
