import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { chmod } from 'node:fs/promises'
import {
  type ClusterEvent,
  DataDirLockedError,
  DataDirMismatchError,
  FolderUnusableError,
  localCluster,
} from '@quorate/local-cluster'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { itAsRoot } from './support/as-root.ts'
import { ownerProcess } from './support/own.ts'
import { items, sql } from './support/sql.ts'

let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'quorate-test-'))
  await chmod(scratch, 0o755)
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

const SHAPE = { postgres: { orders: { replicas: 1 } }, redis: { cart: { replicas: 1 } } } as const

async function redis(url: string, command: 'get' | 'set', ...args: [string, string?]): Promise<unknown> {
  const client = new Redis(url)
  try {
    return await client.call(command, ...args.filter((arg) => arg !== undefined))
  } finally {
    client.disconnect()
  }
}

describe('dataDir', () => {
  it('keeps committed rows and keys through SIGKILL of the owner, at the same addresses', async () => {
    const dataDir = path.join(scratch, 'kept through kill')
    const owner = await ownerProcess({ ...SHAPE, dataDir })
    const url = (name: string): string =>
      owner.owned.servers.find((server) => server.name === name)?.url ?? ''
    await sql(url('postgres/orders/node-1'), 'CREATE TABLE items (id int); INSERT INTO items VALUES (1), (2)')
    await redis(url('redis/cart/node-1'), 'set', 'key', 'value')
    await owner.kill()

    const events: ClusterEvent[] = []
    await using cluster = await localCluster({ ...SHAPE, dataDir, onEvent: (event) => events.push(event) })
    const { orders } = cluster.postgres
    expect(await items(orders.primary.url)).toEqual([1, 2])
    await orders.replicas[0].caughtUp()
    expect(await items(orders.replicas[0].url)).toEqual([1, 2])
    expect(await redis(cluster.redis.cart.primary.url, 'get', 'key')).toBe('value')
    expect(await redis(cluster.redis.cart.replicas[0].url, 'get', 'key')).toBe('value')
    expect(orders.primary.url).toBe(url('postgres/orders/node-1'))
    // The standby went on with the data it had.
    expect(events.filter(({ type }) => type === 'cloned')).toEqual([])
  })

  it('remembers who was promoted, and clones whose data is doubtful', async () => {
    const dataDir = path.join(scratch, 'roles')
    const first = await localCluster({ ...SHAPE, dataDir })
    await sql(first.postgres.orders.primary.url, 'CREATE TABLE items (id int)')
    await first.postgres.orders.replicas[0].caughtUp()
    await first.postgres.orders.promote(0, { rejoin: false })
    await sql(first.postgres.orders.primary.url, 'INSERT INTO items VALUES (7)')
    const primary = first.postgres.orders.primary.name
    await first.stop()

    const events: ClusterEvent[] = []
    await using again = await localCluster({ ...SHAPE, dataDir, onEvent: (event) => events.push(event) })
    const { orders } = again.postgres
    expect(orders.primary.name).toBe(primary)
    expect(events.filter(({ type }) => type === 'cloned')).toHaveLength(1)
    await orders.replicas[0].caughtUp()
    expect(await items(orders.replicas[0].url)).toEqual([7])
  })

  it('has one owner at a time', async () => {
    const dataDir = path.join(scratch, 'owned')
    await using owner = await ownerProcess({ redis: { cart: {} }, dataDir })
    const error = await localCluster({ redis: { cart: {} }, dataDir }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(DataDirLockedError)
    expect(String(error)).toContain(dataDir)
    await owner.kill()
    const next = await localCluster({ redis: { cart: {} }, dataDir })
    await next.stop()
  })

  it('refuses other servers than it was made for, and says what it holds', async () => {
    const dataDir = path.join(scratch, 'shape')
    await (await localCluster({ redis: { cart: { replicas: 1 } }, dataDir })).stop()
    const error = await localCluster({ redis: { cart: {} }, dataDir }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(DataDirMismatchError)
    expect(String(error)).toMatch(/it holds redis cart:1, and redis cart:0 was asked for/)
    // Refusing has changed nothing.
    await (await localCluster({ redis: { cart: { replicas: 1 } }, dataDir })).stop()
  })

  it('refuses a folder with other files, and leaves them alone', async () => {
    const dataDir = path.join(scratch, 'mine')
    await mkdir(dataDir)
    await writeFile(path.join(dataDir, 'thesis.txt'), 'years of work')
    await expect(localCluster({ redis: { cart: {} }, dataDir })).rejects.toThrow(DataDirMismatchError)
    expect(await readdir(dataDir)).toEqual(['thesis.txt'])
    expect(await readFile(path.join(dataDir, 'thesis.txt'), 'utf8')).toBe('years of work')
  })

  it('is not there if the first start fails', async () => {
    const dataDir = path.join(scratch, 'never', 'was')
    const start = localCluster({ postgres: { main: { settings: { wal_level: 'none' } } }, dataDir })
    await expect(start).rejects.toThrow(/wal_level/)
    await expect(readdir(dataDir)).rejects.toThrow('ENOENT')
  })

  itAsRoot('says why when the servers could not reach it', async () => {
    const closed = path.join(scratch, 'closed')
    await mkdir(closed, { mode: 0o700 })
    const start = localCluster({ redis: { cart: {} }, dataDir: path.join(closed, 'data') })
    await expect(start).rejects.toThrow(FolderUnusableError)
  })
})
