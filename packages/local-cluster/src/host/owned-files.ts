import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import type { Account } from './account.ts'

/** Writes a file that only the servers' account can read and write. */
export async function writeOwned(file: string, text: string, account: Account | undefined): Promise<void> {
  await writeFile(file, text, { mode: 0o600 })
  if (account !== undefined) await chown(file, account.uid, account.gid)
}

/** Makes a folder that only the servers' account can enter. */
export async function makeOwned(folder: string, account: Account | undefined): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700) // whatever the umask says
  if (account !== undefined) await chown(folder, account.uid, account.gid)
}
