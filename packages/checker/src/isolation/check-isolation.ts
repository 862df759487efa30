import { type BudgetOptions, budgetOf } from '../budget.ts'
import type { History } from '../history.ts'
import type { CheckResult, Verdict, Violation } from '../result.ts'
import { cycleName, explainCycle } from './explain.ts'
import { decideElsewhere, needsMore } from './elsewhere.ts'
import { forbidden, type Judgement, judgeLists, judgeRegisters, reportLevels } from './judge.ts'
import { anomaliesOf, type Level, levelOf, withSessions } from './levels.ts'
import { withWitnesses } from './witnesses.ts'
import type { Assumption } from './version-pairs.ts'
import { bytesOf, readTransactions, type Transactions } from './transactions.ts'

/** Options of {@link checkIsolation}. */
export interface IsolationOptions extends BudgetOptions {
  /**
   * What transactions work on. `list-append`: lists that only grow, which tell the order of their versions; steps
   * `['append', key, element]` and `['r', key, list]`. `rw-register`: steps `['w', key, value]` and `['r', key, value]`.
   * Elements, and values of a key, must be unique.
   */
  readonly model: 'list-append' | 'rw-register'
  /**
   * The level that was promised, or several: `serializable`, `SI` … Default: `strict-serializable` if the history
   * has real time, else `serializable`; none if `anomalies` are given.
   */
  readonly level?: string | readonly string[] | undefined
  /** Anomalies to look for, besides what `level` forbids: `G1c`, `G-single`, `lost-update` … */
  readonly anomalies?: readonly string[] | undefined
  /**
   * What is known of the order of versions of a register; a verdict holds if this does.
   * `sequential-keys`: each process sees the versions of a key in order. `linearizable-keys`: all processes do, in
   * real time. `wfr-keys`: a version that a transaction writes comes after the one it read. `initial-state`: the
   * initial state comes before all writes, which is always taken for granted.
   */
  readonly assume?: readonly Assumption[] | undefined
  /**
   * Do plain levels (`serializable`) include the order of each process, as `strong-session-…` always do? Default:
   * only if the history has no real time, as in the literature of such histories.
   */
  readonly sessionOrder?: boolean | undefined
  /** How many violations are told; all are counted. Default 10. */
  readonly maxViolations?: number | undefined
}

const ASSUMPTIONS: ReadonlySet<string> = new Set([
  'initial-state',
  'wfr-keys',
  'sequential-keys',
  'linearizable-keys',
])
/** Names that a stronger name says better: not told if one of those is looked for as well. */
const SHADOWS: readonly (readonly [string, string])[] = [
  ['fractured-read', 'G-single-item'],
  ['non-causal-read', 'G-single-item'],
  ['G-monotonic', 'G-single-item'],
  ['G-prefix', 'G-nonadjacent-item'],
]
/** Bytes of graphs and tables per step of a transaction, as measured. */
const BYTES_PER_STEP = 400

/**
 * Which anomalies do transactions show, and which levels of isolation does that rule out?
 *
 * The method is that of Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations",
 * VLDB 2020: the order of versions is inferred from what was read, dependencies between transactions from that, and
 * cycles among them are the anomalies of Adya, "Weak Consistency", 1999. Where Elle gives up because the order of
 * versions cannot be inferred, orders are tried, and then a solver: an answer is `unknown` only if these fail too.
 *
 * @throws HistoryContentError if the history is not one of the model. RangeError for a level, an anomaly or an assumption that does not exist.
 *
 * @example
 * ```ts
 * import { checkIsolation } from '@quorate/checker'
 *
 * const txn = (index: number, steps: [string, string, unknown][]) =>
 *   ({ index, process: index, op: 'txn', input: steps, output: steps, status: 'ok', start: index, end: index + 10 }) as const
 * const history = {
 *   operations: [
 *     txn(0, [['r', 'x', []], ['append', 'y', 1]]),
 *     txn(1, [['r', 'y', []], ['append', 'x', 1]]),
 *   ],
 *   faults: [],
 *   realTime: true,
 * }
 * const result = checkIsolation(history, { model: 'list-append', level: 'serializable' })
 * console.log(result.verdict, result.violations[0]?.name, result.mayHold) // violated G2-item [ 'strong-snapshot-isolation' ]
 * ```
 */
export function checkIsolation(history: History, options: IsolationOptions): CheckResult {
  const request = requestOf(history, options)
  const txns = readTransactions(history, options.model)
  const bytes = bytesOf(txns) + txns.owner.length * BYTES_PER_STEP
  const { maxBytes } = request
  if (bytes > maxBytes) {
    return {
      ...empty(request),
      verdict: 'unknown',
      reason: `its tables would take ${Math.ceil(bytes / 2 ** 20)} MiB of the ${Math.floor(maxBytes / 2 ** 20)} MiB that maxBytes allows`,
      stats: { transactions: txns.count, bytes },
    }
  }
  const judge = options.model === 'list-append' ? judgeLists : judgeRegisters
  const judgement = judge(txns, {
    assume: request.assume,
    stages: history.realTime ? 3 : 2,
    maxViolations: request.maxViolations,
    withinBudget: request.withinBudget,
  })
  return answer(history, options, request, txns, judgement)
}

interface Request {
  readonly levels: readonly Level[]
  readonly asked: ReadonlySet<string>
  readonly assume: ReadonlySet<Assumption>
  readonly promise: string
  readonly maxViolations: number
  readonly sessionOrder: boolean
  readonly withinBudget: () => boolean
  /** Above 0, as budgets are. */
  readonly remainingMs: () => number
  readonly maxBytes: number
}

function requestOf(history: History, options: IsolationOptions): Request {
  const { anomalies, assume = [], model } = options
  const { maxTimeMs, maxBytes, monotonic } = budgetOf(options)
  if (model !== 'list-append' && model !== 'rw-register')
    throw new RangeError(`model must be 'list-append' or 'rw-register', got ${JSON.stringify(model)}`)
  const unknown = assume.find((name) => !ASSUMPTIONS.has(name))
  if (unknown !== undefined)
    throw new RangeError(
      `assume must name some of ${[...ASSUMPTIONS].join(', ')}, got ${JSON.stringify(unknown)}`,
    )
  const sessionOrder = options.sessionOrder ?? !history.realTime
  const fallback = anomalies === undefined ? [history.realTime ? 'strict-serializable' : 'serializable'] : []
  const named = (typeof options.level === 'string' ? [options.level] : (options.level ?? fallback)).map(
    levelOf,
  )
  const deadline = monotonic() + maxTimeMs
  return {
    levels: sessionOrder ? named.map(withSessions) : named,
    asked: new Set((anomalies ?? []).flatMap(anomaliesOf)),
    assume: new Set(assume),
    promise: [...named.map(({ name }) => name), ...(anomalies ?? []).map((name) => `no ${name}`)].join(', '),
    maxViolations: options.maxViolations ?? 10,
    sessionOrder,
    withinBudget: () => monotonic() <= deadline,
    remainingMs: () => Math.max(Number.MIN_VALUE, deadline - monotonic()),
    maxBytes,
  }
}

const empty = ({ promise }: Request): Omit<CheckResult, 'verdict'> => ({
  promise,
  violations: [],
  violationCount: 0,
  stats: {},
})

function answer(
  history: History,
  options: IsolationOptions,
  request: Request,
  txns: Transactions,
  judgement: Judgement,
): CheckResult {
  const { analysis } = judgement
  const names = new Set([...request.asked, ...request.levels.flatMap((level) => [...forbidden(level)])])
  const verdicts = new Map<Level, Verdict>()
  const reasons: string[] = []
  const found: CheckResult[] = []
  for (const level of request.levels) {
    let verdict: Verdict
    if (options.model === 'list-append') verdict = judgement.verdictOf(level)
    else {
      const more = needsMore(history, level)
      // A serial order explains all that counts for it, except what a transaction should have read of its own writes.
      const isEasy =
        judgement.isEasy(level) &&
        !(more && analysis.names.has('internal') && cheapVerdict(judgement, level) !== 'violated')
      const other = isEasy
        ? undefined
        : decideElsewhere(history, level, judgement, options, request.remainingMs)
      verdict = other?.verdict ?? 'unknown'
      if (verdict === 'violated') found.push(other!)
      if (verdict === 'unknown') {
        verdict = judgement.verdictOf(level)
        if (verdict === 'ok' && more && other !== undefined) verdict = 'unknown'
      }
      if (verdict === 'unknown' && other?.reason !== undefined) reasons.push(other.reason)
    }
    if (verdict === 'unknown' && reasons.length === 0)
      reasons.push(whyUnknown(history, level, request, txns, judgement))
    verdicts.set(level, verdict)
  }
  const askedVerdict = request.asked.size === 0 ? 'ok' : judgement.verdictOn(request.asked)
  if (askedVerdict === 'unknown' && reasons.length === 0)
    reasons.push(whyUnknown(history, undefined, request, txns, judgement))
  const all = [askedVerdict, ...verdicts.values()]
  const verdict = all.includes('violated') ? 'violated' : all.includes('unknown') ? 'unknown' : 'ok'
  const inEvery = verdict === 'violated' && found.length === 0
  const told = tell(txns, options.model, names, judgement, inEvery, request.maxViolations)
  const violations = [...told.violations, ...found.flatMap((result) => result.violations)]
  const levels = reportLevels(
    (level) => verdicts.get(level) ?? cheapVerdict(judgement, level),
    history.realTime,
  )
  return {
    verdict,
    promise: request.promise,
    violations: violations.slice(0, request.maxViolations),
    violationCount: told.count + found.reduce((sum, result) => sum + result.violationCount, 0),
    reason: verdict === 'unknown' ? reasons.join('; ') : undefined,
    ...levels,
    stats: {
      transactions: txns.count,
      edges: analysis.graph.from.length,
      cycles: analysis.cycles.length,
    },
  }
}

/** The verdict on a level nobody asked about: only what was found counts. */
const cheapVerdict = ({ analysis }: Judgement, level: Level): Verdict =>
  [...forbidden(level)].some((name) => analysis.names.has(name)) ? 'violated' : 'unknown'

function whyUnknown(
  history: History,
  level: Level | undefined,
  request: Request,
  txns: Transactions,
  judgement: Judgement,
): string {
  if (!request.withinBudget())
    return 'the time allowed by maxTimeMs was over before everything had been looked at'
  if (judgement.ambiguous !== undefined) {
    const { elements, keys } = txns
    const key = String(keys.valueOf(elements.keyOf(judgement.ambiguous)))
    return `${JSON.stringify(elements.valueOf(judgement.ambiguous))} may have come into ${key} in more than one way, so nobody can tell what its readers saw: values of a key must be unique`
  }
  if (level?.strength === 2 && !history.realTime)
    return 'the history has no real time, only an order within each process'
  return 'the order of versions cannot be inferred, and no order that was tried explains the reads'
}

function tell(
  txns: Transactions,
  model: IsolationOptions['model'],
  names: ReadonlySet<string>,
  judgement: Judgement,
  inEvery: boolean,
  maxViolations: number,
): { violations: Violation[]; count: number } {
  const shadowed = new Set<string>()
  for (const [weak, strong] of SHADOWS)
    for (const end of ['', '-process', '-realtime'])
      if (names.has(`${strong}${end}`) || (weak === 'non-causal-read' && names.has(`${strong}-process`)))
        shadowed.add(weak === 'non-causal-read' ? weak : `${weak}${end}`)
  const isTold = new Set([...names].filter((name) => !shadowed.has(name)))
  let { analysis } = judgement
  const wrong = (): boolean => [...isTold].some((name) => analysis.names.has(name))
  // Nothing is wrong with what is known for sure, and yet something is in every order of the rest.
  if (inEvery && !wrong()) analysis = judgement.everyOrder(isTold) ?? analysis
  const cycles = analysis.cycles.filter((cycle) => isTold.has(cycleName(cycle)))
  const plain = analysis.findings.of(isTold)
  let count = cycles.length
  for (const [name, times] of analysis.findings.counts) if (isTold.has(name)) count += times
  const byName = new Map<string, Violation[]>()
  for (const violation of [
    ...plain,
    ...cycles.map((cycle) => explainCycle(txns, analysis.graph, cycle, model)),
  ]) {
    const list = byName.get(violation.name)
    if (list === undefined) byName.set(violation.name, [violation])
    else list.push(violation)
  }
  // One of each name first, so that a bound on the number hides no name.
  const violations: Violation[] = []
  for (let round = 0; violations.length < plain.length + cycles.length; round++) {
    for (const list of byName.values()) {
      const violation = list[round]
      if (violation !== undefined) violations.push(violation)
    }
  }
  const told = violations.slice(0, maxViolations)
  return { violations: told.map((one) => withWitnesses(txns, judgement.versions, one)), count }
}
