import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** What the system says a process is doing; `gone` also when nobody has collected its exit status yet. */
export type ProcessState = 'running' | 'stopped' | 'gone'

/** The children of a process, as the system knows them now. */
export function childrenOf(pid: number): number[] {
  if (process.platform === 'linux') return linuxChildren(pid)
  return psRows().flatMap((row) => (row.ppid === pid ? [row.pid] : []))
}

export function stateOf(pid: number): ProcessState {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return 'gone'
  }
  if (process.platform === 'win32') return 'running'
  const letter =
    process.platform === 'linux' ? linuxState(pid) : psRows().find((row) => row.pid === pid)?.state
  if (letter === undefined || letter.startsWith('Z') || letter.startsWith('X')) return 'gone'
  return letter.startsWith('T') || letter.startsWith('t') ? 'stopped' : 'running'
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

/** The state follows the name, which is in brackets and may hold brackets itself. */
function linuxState(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.charAt(stat.lastIndexOf(')') + 2)
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
