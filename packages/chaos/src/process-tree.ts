import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** The children of a process, as the system knows them now. */
export function childrenOf(pid: number): number[] {
  return process.platform === 'linux'
    ? linuxChildren(pid)
    : psRows().flatMap((row) => (row.ppid === pid ? [row.pid] : []))
}

/** False for a process that has ended, also when nobody has collected its exit status yet. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
  if (process.platform === 'win32') return true
  if (process.platform !== 'linux')
    return psRows().some((row) => row.pid === pid && !row.state.startsWith('Z'))
  const stat = read(`/proc/${pid}/stat`)
  // The state follows the name, which is in brackets and may hold brackets itself.
  return (
    stat !== undefined &&
    !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3))
  )
}

export function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}

/** Any thread may have forked. */
function linuxChildren(pid: number): number[] {
  let threads: string[]
  try {
    threads = readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
  return threads.flatMap((thread) =>
    (read(`/proc/${pid}/task/${thread}/children`) ?? '').split(' ').filter(Boolean).map(Number),
  )
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function psRows(): { pid: number; ppid: number; state: string }[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' })
  return table.split('\n').flatMap((line) => {
    const [pid, ppid, state] = line.trim().split(/\s+/)
    return pid === undefined || ppid === undefined || state === undefined
      ? []
      : [{ pid: Number(pid), ppid: Number(ppid), state }]
  })
}
