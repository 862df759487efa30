import { askAt } from '../redis/commands.ts'
import { sharedServer, whenFileEnds } from './shared-server.ts'

/** A Redis database of one test file. */
export interface TestRedis extends AsyncDisposable {
  /** Address on the primary, with the number of the database, as `ioredis` takes it. */
  readonly url: string
  /** Address of the same database on the replica. */
  readonly replicaUrls: readonly [string]
}

/** Database 0 holds the counter. */
const DATABASES = 1_023

/**
 * An empty logical database on the run's shared Redis, emptied after the test file. Call it at the top of
 * a test file or in `beforeAll`. Keys are its own; scripts, channels and settings of the server are not.
 *
 * @throws Error when the shared servers do not run; the message says why.
 */
export async function testRedis(): Promise<TestRedis> {
  const server = sharedServer('redis')
  const count = Number(await askAt(server.url, 'INCR', 'quorate:test:databases'))
  const index = ((count - 1) % DATABASES) + 1
  const url = `${server.url}/${index}`
  await askAt(url, 'FLUSHDB')
  let clearing: Promise<void> | undefined
  const clear = (): Promise<void> => (clearing ??= askAt(url, 'FLUSHDB').then(() => {}))
  whenFileEnds(clear)
  const replicaUrls = server.replicaUrls.map((replica) => `${replica}/${index}`)
  return { url, replicaUrls: replicaUrls as unknown as readonly [string], [Symbol.asyncDispose]: clear }
}
