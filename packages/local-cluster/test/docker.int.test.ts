// No Docker here: a stand-in for the docker command that knows what we ask of it, and runs the real Redis.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ownerProcess } from './support/own.ts'
import { redisProgram } from './support/redis-program.ts'
import { eventually } from './support/sql.ts'

let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'quorate-test-'))
  await chmod(scratch, 0o755)
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

it.skipIf(process.platform !== 'linux')('runs Redis in Docker when there is no other way', async () => {
  const bin = path.join(scratch, 'bin')
  await mkdir(bin)
  const redis = await redisProgram(scratch)
  const log = path.join(scratch, 'docker.log')
  const docker = `#!/bin/sh
echo "$*" >> '${log}'
case "$1 $2" in
  'version --format') echo 29 ;;
  'image inspect') exit 1 ;;
  'pull --quiet') ;;
  'run --rm')
    for word; do last=$word; done
    if [ "$last" = --version ]; then exec '${redis}' --version; fi
    '${redis}' "$last" & trap "kill $!" TERM; wait ;;
  *) exit 1 ;;
esac
`
  await writeFile(path.join(bin, 'docker'), docker, { mode: 0o755 })
  await writeFile(path.join(bin, 'apt-get'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  await writeFile(path.join(bin, 'apt-cache'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  const env = { PATH: bin, QUORATE_CACHE: path.join(scratch, 'cache') }
  const owner = await ownerProcess({ redis: { cart: { replicas: 1 } } }, { env })
  expect(owner.owned.servers).toHaveLength(2)
  await owner.kill()
  // The watchdog asks the client to end, and the client its container.
  await eventually(() => owner.owned.servers.every(({ pid }) => !isRunning(pid)))
  const lines = (await readFile(log, 'utf8')).trim().split('\n')
  expect(lines).toContain('pull --quiet redis:8-alpine')
  expect(lines.filter((line) => line.includes('--network=host'))).toHaveLength(2)
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
