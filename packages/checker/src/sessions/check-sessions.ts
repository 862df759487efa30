import type { History } from '../history.ts'
import type { CheckResult } from '../result.ts'
import { creationTimes } from './creation-times.ts'
import { fitsInTime } from './fits-in-time.ts'
import {
  type CompareVersions,
  scanSessions,
  type SessionGuarantee,
  type SessionScan,
} from './session-scan.ts'
import { sessionCycles, staleReadViolation } from './session-violations.ts'
import { addTimeEdges } from './time-edges.ts'
import { scanValues } from './value-scan.ts'
import { checkWeakly, type Findings, type WeakCheckOptions, type WeakInput } from './weak-check.ts'

export type { CompareVersions, SessionGuarantee } from './session-scan.ts'

export interface SessionOptions extends WeakCheckOptions {
  /** Default: all four. */
  readonly guarantees?: readonly SessionGuarantee[] | undefined
  /**
   * What is known about the order of the versions of a key. A `cas` that succeeded always made the version
   * after the one it compared with.
   *
   * - `'real-time'`: a write that was acknowledged (or read) before another one began made the older version.
   *   True where the writes of a key are linearizable, whatever the reads are: one Postgres or Redis primary with
   *   replicas to read from, etcd. Not true for last-writer-wins by clocks of several machines.
   * - `'ascending'`: values are numbers that grow with each version: a counter that only counts up, a row
   *   version, an epoch. Values need not be unique, and may come from writes that the history does not have.
   * - a function that compares two values: the same, for other values.
   * - `'none'`: nothing. Only what no order of versions explains is broken.
   *
   * Default: `'none'`, except that what `'real-time'` would call broken is `unknown`, not `ok`.
   */
  readonly versionOrder?: 'real-time' | 'ascending' | 'none' | CompareVersions | undefined
}

const ALL: readonly SessionGuarantee[] = [
  'read-your-writes',
  'monotonic-reads',
  'monotonic-writes',
  'writes-follow-reads',
]

/**
 * Did each session (process) see what it was promised? After Terry, Demers, Petersen, Spreitzer, Theimer and
 * Welch, "Session Guarantees for Weakly Consistent Replicated Data", PDIS 1994:
 *
 * - `read-your-writes`: a read returns no older version of its key than any the session wrote before it.
 * - `monotonic-reads`: … than any the session read before it.
 * - `monotonic-writes`: versions that a session wrote are in the order in which it wrote them. (Real time says so
 *   too: where versions are in that order, this cannot fail.)
 * - `writes-follow-reads`: a version is newer than those its session had read before it wrote it.
 *
 * `ok`: there is one order of versions, agreeing with `versionOrder`, that satisfies all `guarantees`.
 * `violated`: there is none. The violation has the name of the guarantee that fails by itself; where each can be
 * satisfied but not all at once, the names of those that exclude each other, joined by `or`. `cyclic-versions`:
 * what is known of the order contradicts itself (a `cas` replaced what was written only later), so nothing holds.
 * `unknown`: values are written twice and that matters; somebody read a value that nobody wrote, or that should not be
 * seen (G1a, G1b; see `checkCausal()`), and nothing else is broken; the default of `versionOrder` (see there); the budget.
 *
 * A write counts once it is acknowledged: one of unknown status may take effect after later reads, so nothing
 * has to return it, but what somebody read of it is a version like any other. With versions compared by their values
 * each key is judged by itself. What all four promise together across keys is `checkCausal()`.
 * @throws HistoryContentError if the history is not one of registers, or a value cannot be compared.
 * @throws TypeError if a `versionOrder` of your own does not return a number.
 *
 * @example
 * ```ts
 * import { checkSessions, createHistory } from '@quorate/checker'
 *
 * const history = createHistory()
 * // … history.record(…) around each write to the primary and each read from a replica
 * const result = checkSessions(history, { guarantees: ['read-your-writes'], versionOrder: 'real-time' })
 * console.log(result.verdict, result.violations[0]?.message)
 * ```
 */
export function checkSessions(history: History, options: SessionOptions = {}): CheckResult {
  const { guarantees = ALL, versionOrder } = options
  const wanted = new Set(guarantees)
  if (wanted.size === 0) throw new RangeError(`guarantees must name at least one of ${ALL.join(', ')}`)
  for (const guarantee of wanted)
    if (!ALL.includes(guarantee))
      throw new RangeError(`guarantees must be of ${ALL.join(', ')}, got '${guarantee}'`)
  const promise = ALL.filter((guarantee) => wanted.has(guarantee)).join(', ')

  if (versionOrder === 'ascending' || typeof versionOrder === 'function')
    return checkWeakly(history, promise, options, (input) => scanValues(input, wanted, versionOrder), {
      ambiguousReadsMatter: false,
      badReads: 'ignore',
    })
  if (versionOrder !== undefined && versionOrder !== 'none' && versionOrder !== 'real-time')
    throw new RangeError(
      `versionOrder must be 'real-time', 'ascending', 'none' or a function, got '${String(versionOrder)}'`,
    )
  if (versionOrder === 'real-time' && !history.realTime)
    throw new RangeError("versionOrder must not be 'real-time' for a history without real time; use 'none'")

  const check = (inRealTime: boolean): CheckResult =>
    checkWeakly(history, promise, options, (input) => findings(input, wanted, inRealTime), {
      badReads: 'blur',
    })
  if (versionOrder !== undefined || !history.realTime) return check(versionOrder === 'real-time')
  const strict = check(true)
  if (strict.verdict === 'ok') return strict
  const result = check(false)
  if (strict.verdict !== 'violated' || result.verdict !== 'ok') return result
  const { message } = strict.violations[0] ?? { message: `${promise} would be broken` }
  const reason = `this needs the order of versions: if the writes of a key are linearizable, as on one primary, then say versionOrder: 'real-time' and it is violated: ${message}`
  return { ...result, verdict: 'unknown', reason }
}

function findings(
  input: WeakInput,
  guarantees: ReadonlySet<SessionGuarantee>,
  inRealTime: boolean,
): Findings {
  const { view, meter, maxViolations } = input
  const times = view.transactions.history.realTime ? creationTimes(view, meter) : undefined
  const scan = (tightOnly: boolean): SessionScan =>
    scanSessions(view, { guarantees, times, inRealTime, tightOnly, maxViolations }, meter)
  if (times?.consistent === true) {
    const tight = scan(true)
    if (fitsInTime(tight.edges, tight.nodes, times, meter)) {
      const violations = tight.stale.map((stale) => staleReadViolation(input, stale, times))
      return { violations, count: tight.staleCount, stats: { edges: tight.edges.count } }
    }
  }
  const { edges, nodes, stale, staleCount } = scan(false)
  const all = inRealTime && times !== undefined ? addTimeEdges(view, times, edges, nodes, meter) : nodes
  const cycles = sessionCycles(input, guarantees, edges, all, times)
  const violations = stale.map((one) => staleReadViolation(input, one, times))
  return {
    violations: [...violations, ...cycles.violations],
    count: staleCount + cycles.count,
    stats: { edges: edges.count },
  }
}
