import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A temp folder of a step's own, so that what is left over can be told from other people's files. */
export interface Playground {
  readonly folder: string
  /** For the step's environment; servers inherit it. */
  readonly env: Readonly<Record<string, string>>
  /** What is still there now that the step has ended, in words. Empties the folder. */
  leftovers(): Promise<string[]>
}

/** Caches that tools keep in the temp folder by design, to be found again next time. */
const TOOL_CACHES = /^(tsx-\d+|node-compile-cache|v8-compile-cache.*|vite(st)?-.*cache.*)$/

/** Time for a server to end after its owner has. */
const GRACE_MS = 3_000

/** Makes an empty temp folder that servers run by another account can enter. */
export function playground(marker: string, graceMs: number = GRACE_MS): Playground {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-'))
  chmodSync(folder, 0o755)
  const env = { TMPDIR: folder, QUORATE_TEST_RUN: marker }
  const leftovers = async (): Promise<string[]> => {
    let processes = processesOf(folder, marker)
    for (let waited = 0; processes.length > 0 && waited < graceMs; waited += 100) {
      await sleep(100)
      processes = processesOf(folder, marker)
    }
    const files = readdirSync(folder).filter((name) => !TOOL_CACHES.test(name))
    rmSync(folder, { recursive: true, force: true })
    return [
      ...processes.map(({ pid, command }) => `process ${pid} is still there: ${command.slice(0, 160)}`),
      ...files.map((name) => `left in the temp folder: ${name}`),
    ]
  }
  return { folder, env, leftovers }
}

/** Processes that carry our marker in their environment, run in our folder, or were started with a path in it. */
function processesOf(folder: string, marker: string): Array<{ pid: number; command: string }> {
  return listProcesses()
    .filter(({ pid }) => pid !== process.pid)
    .filter(
      ({ command, cwd, environment }) =>
        command.includes(folder) ||
        cwd === folder ||
        cwd.startsWith(folder + sep) ||
        environment.includes(`QUORATE_TEST_RUN=${marker}`),
    )
}

interface Listed {
  readonly pid: number
  readonly command: string
  readonly cwd: string
  readonly environment: string
}

function listProcesses(): Listed[] {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-Awwo', 'pid=,command='], { encoding: 'utf8' })
    return stdout.split('\n').map((line) => {
      const [, pid = '0', command = ''] = /^ *(\d+) (.*)$/.exec(line) ?? []
      return { pid: Number(pid), command, cwd: '', environment: '' }
    })
  }
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      return '' // ended in the meantime, or somebody else's
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      let cwd = ''
      try {
        cwd = readlinkSync(`/proc/${name}/cwd`)
      } catch {
        // As above.
      }
      const command = read(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim()
      return { pid: Number(name), command, cwd, environment: read(`/proc/${name}/environ`) }
    })
    .filter(({ command }) => command !== '') // kernel threads and zombies
}
