import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { RedisUnavailableError } from '../errors.ts'
import { findRedis, type RedisBinary } from './find.ts'

let scratch: string
let [first, second, cache] = ['', '', '']
beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'quorate-find-'))
  await chmod(scratch, 0o755)
})
afterAll(() => rm(scratch, { recursive: true, force: true }))
beforeEach(async () => {
  for (const name of ['first', 'second', 'cache']) {
    await rm(path.join(scratch, name), { recursive: true, force: true })
    await mkdir(path.join(scratch, name))
  }
  ;[first, second, cache] = ['first', 'second', 'cache'].map((name) => path.join(scratch, name)) as [
    string,
    string,
    string,
  ]
})

/** A program that answers --version, or fails. */
async function program(folder: string, name: string, says: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const file = path.join(folder, name)
  await writeFile(file, `#!/bin/sh\n${says}\n`, { mode: 0o755 })
  return file
}
const redis = (version: string): string =>
  `echo "Redis server v=${version} sha=00000000:0 malloc=libc bits=64"`

/** No apt-get on this PATH, so what is not found is not fetched. */
function find(env: Record<string, string> = {}, progress: string[] = []): Promise<RedisBinary> {
  const all = { PATH: [first, second].join(path.delimiter), ...env }
  const onProgress = (detail: string): void => void progress.push(detail)
  return findRedis({ account: undefined, cache, nowMs: 0, env: all, onProgress })
}

describe('findRedis()', () => {
  it('takes QUORATE_REDIS before anything on PATH', async () => {
    await program(first, 'redis-server', redis('7.2.0'))
    const own = await program(path.join(scratch, 'second'), 'my redis', redis('8.0.1'))
    expect(await find({ QUORATE_REDIS: own })).toMatchObject({
      command: own,
      version: '8.0.1',
      source: 'QUORATE_REDIS',
    })
  })

  it('does not look further when QUORATE_REDIS is no Redis', async () => {
    await program(first, 'redis-server', redis('7.2.0'))
    const error = await find({ QUORATE_REDIS: '/no/such/file' }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(RedisUnavailableError)
    expect(String(error)).toContain('let QUORATE_REDIS name a redis-server program, or unset it')
  })

  it('takes redis-server before valkey-server, wherever on PATH', async () => {
    await program(first, 'valkey-server', redis('8.1.0'))
    const command = await program(second, 'redis-server', redis('7.2.0'))
    expect(await find()).toMatchObject({ command, source: 'PATH' })
  })

  it('takes valkey-server when there is no redis-server', async () => {
    const command = await program(second, 'valkey-server', `echo "Valkey server v=8.1.0 sha=0"`)
    expect(await find()).toMatchObject({ command, version: '8.1.0', source: 'PATH' })
  })

  it('passes over a redis-server that does not run, to the next one on PATH', async () => {
    await program(first, 'redis-server', 'echo cannot open libjemalloc.so.2 >&2; exit 127')
    const command = await program(second, 'redis-server', redis('7.0.15'))
    expect(await find()).toMatchObject({ command })
  })

  it('takes a copy that was unpacked before, with its libraries', async () => {
    const root = path.join(cache, `redis-apt-${process.arch}`, 'root')
    await mkdir(path.join(root, 'usr', 'lib', 'x86_64-linux-gnu'), { recursive: true })
    const command = await program(path.join(root, 'usr', 'bin'), 'redis-server', redis('7.0.15'))
    const found = await find()
    expect(found).toMatchObject({ command, source: 'cache' })
    expect(found.env['LD_LIBRARY_PATH']).toContain(path.join(root, 'usr', 'lib', 'x86_64-linux-gnu'))
  })

  it('unpacks the packages of the system when there is nothing else, and says so', async () => {
    const log = path.join(scratch, 'log')
    await program(first, 'apt-cache', 'echo "  Candidate: 5:7.0.15-1"')
    await program(
      first,
      'apt-get',
      `echo "$@" >> '${log}'; case "$1" in install) echo "Inst redis-server (1)"; echo "Inst liblzf1 (1)";; ` +
        `download) : > one.deb;; esac`,
    )
    const server = await program(first, 'packed', redis('7.0.15'))
    await program(first, 'dpkg', `mkdir -p "$3/usr/bin"; cp '${server}' "$3/usr/bin/redis-server"`)
    const progress: string[] = []
    const found = await find({ PATH: [first, '/usr/bin', '/bin'].join(path.delimiter) }, progress)
    expect(found).toMatchObject({ source: 'apt', version: '7.0.15' })
    expect(progress).toEqual(['apt-get download redis-server liblzf1'])
  })

  it('says what was tried and what to install when there is none', async () => {
    const error = await find().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'QUORATE_REDIS_UNAVAILABLE', outcome: 'not-applied' })
    const { tried } = error as RedisUnavailableError
    expect(tried.map((line) => line.split(':')[0])).toEqual([
      'no usable redis-server on PATH',
      'no usable valkey-server on PATH',
      'apt-get',
      'docker',
    ])
    expect(String(error)).toMatch(/apt-get install redis-server|brew install redis/)
  })
})
