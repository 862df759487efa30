import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { itAsRoot } from '../../test/support/as-root.ts'
import { DataDirLockedError, FolderUnusableError } from '../errors.ts'
import { firstUnreachable, serverAccount } from './account.ts'
import { cachedFolder, cacheFolder } from './cache.ts'
import { limit } from './limit.ts'
import { lockFolder } from './owner-lock.ts'
import { freePort, isFree, releasePort } from './ports.ts'
import { isAlive, startTimeOf } from './process-identity.ts'
import { run } from './run.ts'
import { startWatchdog } from './watchdog.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'quorate-host-'))
  await chmod(folder, 0o755)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('lockFolder()', () => {
  it('lets one owner in, and the next when it lets go', async () => {
    const lock = await lockFolder(folder)
    await expect(lockFolder(folder)).rejects.toThrow(DataDirLockedError)
    await lock.release()
    const next = await lockFolder(folder)
    expect(next.tookOver).toBe(false)
    await next.release()
    expect(await readdir(folder)).toEqual([])
  })

  it('takes over from a process that is gone, also when its pid is another process now', async () => {
    const dead = { pid: process.pid, startTime: 'long ago', bootId: 'another' }
    await writeFile(path.join(folder, 'owner.7.lock'), JSON.stringify(dead))
    const lock = await lockFolder(folder)
    expect(lock).toMatchObject({ tookOver: true, generation: 8 })
    expect(await readdir(folder)).toEqual(['owner.8.lock'])
  })

  it('has exactly one winner when many find the owner dead at once', async () => {
    await writeFile(path.join(folder, 'owner.1.lock'), '{}')
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockFolder(folder)))
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe('cachedFolder()', () => {
  it('builds once, keeps one result of two at once, and leaves nothing half made', async () => {
    let built = 0
    const build = async (work: string): Promise<void> => {
      built++
      await writeFile(path.join(work, 'file'), 'made')
    }
    const two = await Promise.all([1, 2].map(() => cachedFolder(folder, 'thing', 0, build)))
    expect(new Set(two)).toEqual(new Set([path.join(folder, 'thing')]))
    const before = built
    await cachedFolder(folder, 'thing', 0, build)
    expect(built).toBe(before)
    expect(await readdir(folder)).toEqual(['thing'])
  })

  it('leaves nothing when the builder fails', async () => {
    const failing = cachedFolder(folder, 'thing', 0, () => Promise.reject(new Error('no disk')))
    await expect(failing).rejects.toThrow('no disk')
    expect(await readdir(folder)).toEqual([])
  })
})

describe('cacheFolder()', () => {
  const withCache = async (cache: string): Promise<string> => {
    const before = process.env['QUORATE_CACHE']
    process.env['QUORATE_CACHE'] = cache
    try {
      return await cacheFolder(undefined)
    } finally {
      if (before === undefined) delete process.env['QUORATE_CACHE']
      else process.env['QUORATE_CACHE'] = before
    }
  }

  it('makes the folder that is asked for', async () => {
    expect(await withCache(path.join(folder, 'my cache'))).toBe(path.join(folder, 'my cache'))
  })

  it('refuses a folder that others can write to, or that is a link', async () => {
    const open = path.join(folder, 'open')
    await mkdir(open)
    await chmod(open, 0o777)
    await expect(withCache(open)).rejects.toThrow(/others can write to it/)
    const link = path.join(folder, 'link')
    await symlink(folder, link)
    await expect(withCache(link)).rejects.toThrow(FolderUnusableError)
  })

  it('refuses a folder of another user', async () => {
    // Root can make one; anybody else finds one that is root's.
    let foreign = '/usr'
    if (process.geteuid?.() === 0) {
      foreign = path.join(folder, 'foreign')
      await mkdir(foreign)
      await chown(foreign, 54_321, 54_321)
    }
    await expect(withCache(foreign)).rejects.toThrow(/belongs to another user/)
  })
})

describe('accounts', () => {
  it('finds the first folder that an account cannot enter', async () => {
    const closed = path.join(folder, 'closed')
    await mkdir(path.join(closed, 'below'), { recursive: true })
    await chmod(closed, 0o700)
    const stranger = { name: 'stranger', uid: 54_321, gid: 54_321 }
    expect(firstUnreachable(path.join(closed, 'below'), stranger)).toBe(closed)
    await chmod(closed, 0o711)
    expect(firstUnreachable(path.join(closed, 'below'), stranger)).toBeUndefined()
    expect(firstUnreachable(closed, undefined)).toBeUndefined()
  })

  itAsRoot('says so when root has nobody to run servers as', async () => {
    const passwd = path.join(folder, 'passwd')
    await writeFile(passwd, 'root:x:0:0::/root:/bin/sh\n')
    expect(() => serverAccount(passwd)).toThrow(/nobody, postgres, daemon can be used/)
  })
})

describe('processes', () => {
  it('are known by pid and start time, and zombies are dead', async () => {
    const startTime = startTimeOf(process.pid)
    expect(startTime).toBeDefined()
    expect(isAlive(process.pid, startTime as string)).toBe(true)
    expect(isAlive(process.pid, 'another time')).toBe(false)
    expect(startTimeOf(2 ** 22 + 1)).toBeUndefined()
  })

  it('that run as helpers can be aborted, and are gone then', async () => {
    const giveUp = new AbortController()
    const sleeping = run('sleep', ['60'], { signal: giveUp.signal })
    const reason = new Error('enough')
    giveUp.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
  })

  it('that fail say how', async () => {
    await expect(run('sh', ['-c', 'echo reason >&2; exit 3'])).rejects.toThrow(/exit code 3: reason/)
  })
})

describe('the watchdog', () => {
  it('ends what is registered, and never a stranger with the same pid', async () => {
    const [server, stranger] = [spawn('sleep', ['60']), spawn('sleep', ['60'])]
    const ended = once(server, 'exit')
    const registry = path.join(folder, 'servers')
    const lines = [
      `${server.pid}\t${startTimeOf(server.pid ?? 0)}\tTERM`,
      `${stranger.pid}\t${Number(startTimeOf(stranger.pid ?? 0)) + 1}\tTERM`,
    ]
    const root = path.join(folder, 'cluster')
    await mkdir(root)
    // The registry is not there: whoever kills an owner may remove its folder at once.
    const watchdog = await startWatchdog({ root, registry, remove: true })
    for (const line of lines) watchdog.add(line)
    await watchdog.abandon()
    expect(await ended).toEqual([null, 'SIGTERM'])
    expect(startTimeOf(stranger.pid ?? 0)).toBeDefined()
    expect(await readdir(folder)).toEqual([])
    stranger.kill()
  })

  it('kills the children of what is killed', async () => {
    const server = spawn('sh', ['-c', 'sleep 61 & echo $!; wait'])
    const [line] = (await once(server.stdout, 'data')) as [Buffer]
    const child = Number(line.toString())
    const watchdog = await startWatchdog({
      root: folder,
      registry: path.join(folder, 'servers'),
      remove: false,
    })
    watchdog.add(`${server.pid}\t${startTimeOf(server.pid ?? 0)}\tKILL`)
    await watchdog.abandon()
    await vi.waitFor(() => expect(startTimeOf(child)).toBeUndefined())
  })

  it('does nothing after a farewell', async () => {
    const server = spawn('sleep', ['60'])
    const registry = path.join(folder, 'servers')
    const watchdog = await startWatchdog({ root: folder, registry, remove: true })
    watchdog.add(`${server.pid}\t${startTimeOf(server.pid ?? 0)}\tKILL`)
    await watchdog.close()
    expect(startTimeOf(server.pid ?? 0)).toBeDefined()
    server.kill()
    await once(server, 'exit')
  })
})

describe('freePort()', () => {
  it('never draws a port twice, nor one in use', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()))
    expect(new Set(ports).size).toBe(50)
    const server = net.createServer().listen(ports[0], '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    expect(await isFree(ports[0] as number)).toBe(false)
    await new Promise((resolve) => server.close(resolve))
    ports.forEach(releasePort)
  })
})

describe('limit()', () => {
  it('runs no more at once than it may, and all in the end', async () => {
    const atMost = limit(3)
    let [running, most, done] = [0, 0, 0]
    const task = async (): Promise<void> => {
      running++
      most = Math.max(most, running)
      await Promise.resolve()
      running--
      done++
    }
    await Promise.all(Array.from({ length: 20 }, () => atMost(task)))
    expect([most, done]).toEqual([3, 20])
  })
})
