import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { sameValue } from '../value.ts'
import { at, byKey, type InvariantOptions, Report, shown } from './report.ts'

/** Options of {@link checkConvergence}. */
export interface ConvergenceOptions extends InvariantOptions {
  /** Names of operations that read. Default `read`, `get`, `final-read`. */
  readonly reads?: readonly string[] | undefined
}

/**
 * When writing has stopped and the network is whole, all replicas answer alike. Compared are, for each key, all
 * `final-read`s, by which the caller says that everything had been delivered; where there is none, the last read of
 * each process that began after every acknowledged write had ended. In that case a difference is `unknown`: a replica
 * may lag, and a write of unknown outcome may come in between. Answers are compared as they are: sort those whose
 * order says nothing.
 */
export function checkConvergence(history: History, options: ConvergenceOptions = {}): CheckResult {
  const report = new Report('convergence', options)
  const isRead = new Set([...(options.reads ?? ['read', 'get']), 'final-read'])
  const parts = byKey(history)
  let [compared, maybe] = [0, undefined as string | undefined]
  for (const [key, part] of parts) {
    const { reads, doubt } = finalReads(part, isRead)
    const [first, ...others] = reads
    if (first === undefined || others.length === 0) continue
    compared++
    const other = others.find((read) => !sameValue(read.output, first.output))
    if (other === undefined) continue
    const message =
      `${key === undefined ? 'replicas' : `replicas of ${key}`} differ: ` +
      `${at(first)} of process ${first.process} saw ${shown(first.output)}, ${at(other)} of process ${other.process} saw ${shown(other.output)}`
    if (doubt === undefined)
      report.add({ name: 'divergence', message, operations: [other.index, first.index], key })
    else maybe ??= `${message}; ${doubt}`
  }
  const stats = { operations: history.operations.length, compared }
  return report.result(
    stats,
    maybe ?? (compared === 0 ? 'no key was read by two processes at the end' : undefined),
  )
}

function finalReads(
  part: readonly Operation[],
  isRead: ReadonlySet<string>,
): { reads: Operation[]; doubt: string | undefined } {
  const declared = part.filter(({ op, status }) => op === 'final-read' && status === 'ok')
  if (declared.length > 0) return { reads: declared, doubt: undefined }
  let quietFrom = -1
  let doubt = 'no final-read says that everything had been delivered'
  for (const { op, status, end } of part) {
    if (isRead.has(op)) continue
    if (status === 'unknown') doubt = 'a write of unknown outcome may have come in between'
    if (status === 'ok') quietFrom = Math.max(quietFrom, end)
  }
  const last = new Map<Operation['process'], Operation>()
  for (const read of part) {
    if (isRead.has(read.op) && read.status === 'ok' && read.start > quietFrom) last.set(read.process, read)
  }
  return { reads: [...last.values()], doubt }
}
