import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Account } from '../host/account.ts'
import { makeOwned, writeOwned } from '../host/owned-files.ts'
import { CommandFailedError, run } from '../host/run.ts'
import { withClient } from './sql.ts'

/** Who copies, and until when. */
export interface CopyOptions {
  readonly account: Account | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Folders that belong to one run of one server, not to its data ("Backing Up the Data Directory",
 * Postgres documentation 25.3.5); they are made again, empty.
 */
const EMPTIED = [
  'pg_wal',
  'pg_wal/archive_status',
  'pg_wal/summaries',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]
const LEFT_OUT = new Set([
  ...EMPTIED,
  'postmaster.pid',
  'postmaster.opts',
  'backup_label',
  'tablespace_map',
  'standby.signal',
  'recovery.signal',
  'postgresql.auto.conf.tmp',
])

/** A new data folder with everything from `source`, which must be at rest. */
export async function copyAtRest(source: string, target: string, options: CopyOptions): Promise<void> {
  await makeOwned(target, options.account)
  await copyInto(source, await readdir(source), target, options)
}

/**
 * A new standby's data folder from a running primary, by the low-level backup API: the label is kept in
 * this session, the files are copied while they change, and WAL streamed later makes them whole.
 */
export async function copyRunning(
  primary: { dir: string; url: string },
  target: string,
  options: CopyOptions,
): Promise<void> {
  const { account } = options
  await rm(target, { recursive: true, force: true, maxRetries: 3 })
  await makeOwned(target, account)
  await withClient(
    primary.url,
    async (client) => {
      await client.query('SELECT pg_backup_start($1, fast => true)', ['quorate clone'])
      const entries = (await readdir(primary.dir)).filter((entry) => !LEFT_OUT.has(entry))
      await copyInto(primary.dir, entries, target, options)
      for (const name of EMPTIED) await makeOwned(path.join(target, name), account)
      const { rows } = await client.query<{ labelfile: string }>(
        'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
      )
      await writeOwned(path.join(target, 'backup_label'), rows[0]?.labelfile ?? '', account)
    },
    options.signal,
  )
  await writeOwned(path.join(target, 'standby.signal'), '', account)
}

/** `cp` shares blocks where the file system can; run as the account, so that it owns what it copies. */
async function copyInto(
  source: string,
  entries: readonly string[],
  target: string,
  { account, signal }: CopyOptions,
): Promise<void> {
  const how = process.platform === 'darwin' ? ['-cR'] : ['-R', '--reflink=auto']
  const files = entries.map((entry) => path.join(source, entry))
  try {
    await run('cp', [...how, '--', ...files, `${target}/`], { account, signal })
  } catch (error) {
    // A table that is dropped while we copy is no longer wanted.
    if (error instanceof CommandFailedError && onlyVanished(error.output)) return
    throw error
  }
}

function onlyVanished(output: string): boolean {
  return output
    .trim()
    .split('\n')
    .every((line) => line.includes('No such file or directory'))
}
