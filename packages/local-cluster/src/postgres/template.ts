import { chmod, chown, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { cachedFolder } from '../host/cache.ts'
import { run } from '../host/run.ts'
import type { HostContext } from '../host/context.ts'
import { type PostgresBinaries, serverVersion } from './binaries.ts'
import { PostgresNode } from './node.ts'
import { query } from './sql.ts'

/** Raise when {@link build} makes something else, so that old templates are not used. */
const RECIPE = 2

/**
 * A data folder made once and copied for ever: `initdb` takes half a second, a copy of this takes 50 ms.
 * It belongs to us and not to the servers' account, so no server can change what others start from.
 */
export async function postgresTemplate(context: HostContext, binaries: PostgresBinaries): Promise<string> {
  const name = `template-${binaries.version}-${process.platform}-${process.arch}-${RECIPE}`
  return cachedFolder(context.cache, name, context.clock.now(), (folder) => build(folder, context, binaries))
}

async function build(folder: string, context: HostContext, binaries: PostgresBinaries): Promise<void> {
  const { account, signal } = context
  context.note({
    type: 'preparing',
    what: 'template',
    detail: `initdb of Postgres ${serverVersion(binaries.version)}`,
  })
  await chmod(folder, 0o700)
  if (account !== undefined) await chown(folder, account.uid, account.gid)
  const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '-E', 'UTF8']
  const pace = ['--no-sync', '--no-instructions', '--wal-segsize=1']
  await run(binaries.initdb, ['-D', folder, '-U', 'postgres', '-A', 'trust', ...locale, ...pace], {
    account,
    signal,
  })

  // Limits as low as can be: a standby that starts from here must not have lower ones than its past.
  const node = new PostgresNode(context, {
    name: 'template',
    dir: folder,
    binaries,
    logFile: `${folder}.log`,
    overrides: {
      max_connections: 10,
      max_prepared_transactions: 0,
      max_wal_senders: 2,
      max_worker_processes: 2,
      wal_keep_size: 0,
      min_wal_size: '2MB',
    },
  })
  try {
    await node.start()
    // template0 is only a spare; template1 stays, because CREATE DATABASE copies it.
    await query(node.url, `UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'`)
    await query(node.url, 'DROP DATABASE template0')
    await query(node.url, 'CHECKPOINT')
    const [current] = await query<{ file: string }>(
      node.url,
      'SELECT pg_walfile_name(pg_current_wal_lsn()) AS file',
    )
    await node.stop()
    await slim(folder, current?.file ?? '')
  } finally {
    await node.destroy({ orderly: false })
    await rm(`${folder}.log`, { force: true })
  }
  if (account !== undefined) await run('chown', ['-R', '0:0', folder], { signal })
  await run('chmod', ['-R', 'u=rwX,go=rX', folder], { signal })
}

/** Removes what a clean start does without: WAL made in advance, and maps that are rebuilt on use. */
async function slim(folder: string, currentWal: string): Promise<void> {
  const wal = path.join(folder, 'pg_wal')
  for (const file of await readdir(wal)) {
    if (/^[0-9A-F]{24}$/.test(file) && file > currentWal) await rm(path.join(wal, file))
  }
  const bases = await readdir(path.join(folder, 'base'))
  for (const tables of ['global', ...bases.map((base) => path.join('base', base))]) {
    for (const file of await readdir(path.join(folder, tables))) {
      // Maps of free space and of visibility: a fifth of all files. A map that is missing is made on use.
      if (/^\d+_(fsm|vm)$/.test(file)) await rm(path.join(folder, tables, file))
    }
  }
  await rm(path.join(folder, 'postmaster.opts'), { force: true })
  await writeFile(path.join(folder, 'postgresql.conf'), '')
}
