import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * When a process started, as an opaque text, or `undefined` if it is gone (or a zombie). A pid alone
 * names nobody: it is reused. Pid and start time together name one process for ever (until a reboot).
 */
export function startTimeOf(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  return process.platform === 'linux' ? linuxStartTime(pid) : psStartTime(pid)
}

/** True while exactly this process lives. */
export function isAlive(pid: number, startTime: string): boolean {
  return startTimeOf(pid) === startTime
}

/** proc(5): the name in parentheses may hold anything, so fields are counted after the last `)`. */
function linuxStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function psStartTime(pid: number): string | undefined {
  try {
    const options = { encoding: 'utf8', env: { LC_ALL: 'C', PATH: '/bin:/usr/bin' } } as const
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      ...options,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return text.trim() === '' ? undefined : text.trim()
  } catch {
    return undefined
  }
}

let knownBootId: string | undefined

/** Names the time since the machine came up; pids and start times mean nothing beyond it. */
export function bootId(): string {
  knownBootId ??= readBootId()
  return knownBootId
}

function readBootId(): string {
  try {
    if (process.platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return execFileSync('sysctl', ['-n', 'kern.boottime'], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

let names = 0

/** A name that no other call of any process has used since the machine came up. */
export function uniqueName(): string {
  names++
  return `${process.pid}-${(startTimeOf(process.pid) ?? '').replace(/\W/g, '')}-${names}`
}
