import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Project } from './project.ts'

/** Variables by which the READMEs' programs find their servers. */
export type ServerUrls = Readonly<
  Record<'DATABASE_URL' | 'PRIMARY_URL' | 'REPLICA_URL' | 'REDIS_URL', string>
>

/** Needs a server: it asks the environment where one is. */
export function needsServers(code: string): boolean {
  return /\b(DATABASE_URL|PRIMARY_URL|REPLICA_URL|REDIS_URL)\b/.test(code)
}

/** Starts servers with the packed local-cluster, as its own user would, for as long as `work` runs. */
export async function withServers<T>(
  { folder }: Project,
  work: (urls: ServerUrls) => Promise<T>,
): Promise<T> {
  writeFileSync(
    join(folder, 'servers.mjs'),
    `import { localCluster } from '@quorate/local-cluster'
await using cluster = await localCluster({ postgres: { main: { replicas: 1 } }, redis: { main: {} } })
const { primary, replicas } = cluster.postgres.main
console.log(JSON.stringify({
  DATABASE_URL: primary.url,
  PRIMARY_URL: primary.url,
  REPLICA_URL: replicas[0].url,
  REDIS_URL: cluster.redis.main.primary.url,
}))
await new Promise((resolve) => process.stdin.resume().once('end', resolve))
`,
  )
  const child = spawn(process.execPath, ['servers.mjs'], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const ended = once(child, 'close')
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const first = await lines.next()
    if (first.done === true) throw new Error(`the packed local-cluster did not start\n${errors}`)
    return await work(JSON.parse(first.value) as ServerUrls)
  } finally {
    child.stdin.end()
    await ended
  }
}
