import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { systemClock } from '@quorate/core'
import { serverAccount } from '../../src/host/account.ts'
import { cacheFolder } from '../../src/host/cache.ts'
import { findRedis } from '../../src/redis/find.ts'

/** A program in `folder` that is the Redis of this machine, for `QUORATE_REDIS`. */
export async function redisProgram(folder: string): Promise<string> {
  const account = serverAccount()
  const cache = await cacheFolder(account)
  const found = await findRedis({ account, cache, nowMs: systemClock.now(), onProgress: () => {} })
  const variables = Object.entries(found.env).map(([name, value]) => `${name}='${value}' `)
  const file = path.join(folder, 'redis-for-tests')
  await writeFile(file, `#!/bin/sh\n${variables.join('')}exec '${found.command}' "$@"\n`, { mode: 0o755 })
  return file
}
