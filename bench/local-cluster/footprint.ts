import { readdirSync, readFileSync } from 'node:fs'

/** The processes and all their descendants. */
export function withDescendants(pids: readonly number[]): number[] {
  const all = [...pids]
  for (const pid of all) all.push(...childrenOf(pid))
  return all
}

/** Memory that would be free without these processes, MB: shared pages are split among those who share them. */
export function proportionalMb(pids: readonly number[]): number {
  const kb = pids.map((pid) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0))
  return kb.reduce((sum, one) => sum + one, 0) / 1_024
}

/** Processor time that these have used so far, s; proc(5) counts it in ticks of 10 ms. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + fieldsOf(pid, 11, 2), 0) / 100
}

/** Processor time that this process and its helpers, who are gone, have used so far, s. */
export function ownCpuSeconds(): number {
  return fieldsOf(process.pid, 11, 4) / 100
}

/** The sum of some fields of proc_pid_stat(5), counted from the one after the name. */
function fieldsOf(pid: number, first: number, count: number): number {
  const stat = read(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(first, first + count).reduce((sum, one) => sum + Number(one), 0)
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
