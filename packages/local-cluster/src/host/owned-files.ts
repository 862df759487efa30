import { chmod, chown, mkdir, rename, writeFile } from 'node:fs/promises'
import type { Account } from './account.ts'

let drafts = 0

/** Writes a file that only the servers' account can read and write. Whoever reads it meanwhile has the old one. */
export async function writeOwned(file: string, text: string, account: Account | undefined): Promise<void> {
  const draft = `${file}.draft-${++drafts}`
  await writeFile(draft, text, { mode: 0o600 })
  if (account !== undefined) await chown(draft, account.uid, account.gid)
  await rename(draft, file)
}

/** Makes a folder that only the servers' account can enter. */
export async function makeOwned(folder: string, account: Account | undefined): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700) // whatever the umask says
  if (account !== undefined) await chown(folder, account.uid, account.gid)
}
