import { HistoryContentError } from '../errors.ts'
import type { Operation } from '../operation.ts'
import { analyse, type Analysis } from './analysis.ts'
import { Findings, type Happened, showElement, showKey, type Versions, writerOf } from './evidence.ts'
import { serialStrength } from './serial.ts'
import { type Guesses, listGuesses, registerGuesses } from './guesses.ts'
import { allLevels, type Level, lineage } from './levels.ts'
import { listVersions } from './list-append.ts'
import { repeatedAppend } from './list-internal.ts'
import { findSharedUpdates, registerEvidence } from './rw-register.ts'
import { type Assumption, versionPairs } from './version-pairs.ts'
import type { Transactions } from './transactions.ts'
import { versionGraph } from './version-graph.ts'

/** What is known of every level after the history was looked at once. */
export interface Judgement {
  readonly analysis: Analysis
  readonly versions: Versions
  readonly happened: Happened
  /** Names of which a level can be forgiven if its transactions can be explained in one of the orders tried. */
  readonly verdictOf: (level: Level) => 'ok' | 'violated' | 'unknown'
  /** Is the verdict on this level at hand: it is violated for sure, or the order of completion is a serial one? */
  readonly isEasy: (level: Level) => boolean
  /** Is one of these surely there (`violated`), surely not (`ok`), or is that open? */
  readonly verdictOn: (names: ReadonlySet<string>) => 'ok' | 'violated' | 'unknown'
  /** A value that several writes may have written. */
  readonly ambiguous: number | undefined
  /** Of each key, the element that was taken for its initial state; -1 if that is null. */
  readonly initial: Int32Array | undefined
  readonly isInitial: (key: unknown, value: unknown) => boolean
  /** Of the lists: the first complete order in which something is wrong that is wrong in all others too. */
  readonly everyOrder: (names: ReadonlySet<string>) => Analysis | undefined
}

export interface JudgeOptions {
  readonly assume: ReadonlySet<Assumption>
  readonly stages: number
  readonly maxViolations: number
  readonly withinBudget: () => boolean
}

const forbiddenBy = new WeakMap<Level, ReadonlySet<string>>()

/** All names that a level and those below it forbid. */
export function forbidden(level: Level): ReadonlySet<string> {
  let names = forbiddenBy.get(level)
  if (names === undefined) {
    names = new Set([...lineage(level)].flatMap(({ forbids }) => forbids))
    forbiddenBy.set(level, names)
  }
  return names
}

const meets = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => [...a].some((name) => b.has(name))

export function judgeLists(txns: Transactions, options: JudgeOptions): Judgement {
  const repeated = repeatedAppend(txns)
  if (repeated !== undefined) {
    const writer = writerOf(txns, repeated)
    const { line } = txns.history.operations[writer] as Operation
    throw new HistoryContentError(
      writer,
      `${showElement(txns, repeated)} is appended to ${showKey(txns, txns.elements.keyOf(repeated))} twice: elements of a key must be unique, or nobody can tell who appended what`,
      line,
    )
  }
  const findings = new Findings(options.maxViolations)
  const { versions, happened } = listVersions(txns, findings)
  const input = { ...options, txns, versions, happened }
  const analysis = analyse({ ...input, findings })
  return judgement(
    txns,
    analysis,
    { versions, happened, ambiguous: undefined, initial: undefined },
    {
      // Without such a group every order of what nobody saw is as good as the next one.
      guesses: once(() => listGuesses(txns, versions, happened, analysis.graph)),
      decidedWithoutGuesses: true,
      maxViolations: options.maxViolations,
      input,
    },
  )
}

export function judgeRegisters(txns: Transactions, options: JudgeOptions): Judgement {
  const findings = new Findings(options.maxViolations)
  const evidence = registerEvidence(txns, findings)
  const { versions, happened, ambiguous, initial } = evidence
  findSharedUpdates(txns, versions, findings)
  const pairs = versionGraph(txns, evidence, versionPairs(txns, evidence, options.assume), findings)
  const input = { ...options, txns, versions, happened }
  const analysis = analyse({ ...input, findings, addEdges: (builder) => pairs.addEdges(builder) })
  const assumed = pairs.pairs.filter((pair) => pair.assumed)
  const keepsAssumptions = ({ place }: Versions): boolean =>
    assumed.every(({ before, after }) => {
      const first = before < 0 || initial.includes(before) ? -1 : place[before]!
      return first < place[after]!
    })
  return judgement(
    txns,
    analysis,
    { versions, happened, ambiguous, initial },
    {
      guesses: once((): Guesses | undefined => {
        const all = registerGuesses(txns, versions, analysis.graph)
        return { ...all, orders: filter(all.orders, keepsAssumptions) }
      }),
      decidedWithoutGuesses: false,
      maxViolations: options.maxViolations,
      input,
    },
  )
}

interface Means {
  readonly guesses: () => Guesses | undefined
  /** If there is nothing to guess, is what was not found not there? */
  readonly decidedWithoutGuesses: boolean
  readonly maxViolations: number
  readonly input: Omit<Parameters<typeof analyse>[0], 'findings' | 'addEdges'>
}

function judgement(
  txns: Transactions,
  analysis: Analysis,
  evidence: Pick<Judgement, 'versions' | 'happened' | 'ambiguous' | 'initial'>,
  { guesses, decidedWithoutGuesses, input, maxViolations }: Means,
): Judgement {
  // An order is analysed once, when somebody first asks for more than the last one could answer.
  const tried: Analysis[] = []
  let source: Iterator<Versions> | undefined
  function* orders(): Iterable<Analysis> {
    yield* tried
    source ??= guesses()?.orders[Symbol.iterator]()
    if (source === undefined) return
    while (input.withinBudget()) {
      const { value, done } = source.next()
      if (done === true) return
      const next = analyse({ ...input, versions: value, findings: new Findings(maxViolations) })
      tried.push(next)
      yield next
    }
  }
  const verdictOn = (names: ReadonlySet<string>): 'ok' | 'violated' | 'unknown' => {
    if (meets(analysis.names, names)) return 'violated'
    if (meets(analysis.undecided, names)) return 'unknown'
    if (evidence.ambiguous !== undefined) return 'unknown'
    const choice = guesses()
    if (choice === undefined) return decidedWithoutGuesses ? 'ok' : 'unknown'
    for (const guess of orders())
      if (!meets(guess.names, names) && !meets(guess.undecided, names)) return 'ok'
    return choice.exhaustive && input.withinBudget() ? 'violated' : 'unknown'
  }
  const serialUpTo = once(() => {
    const [first] = guesses()?.orders ?? []
    return first === undefined ? -1 : serialStrength({ ...input, versions: first })
  })
  const isSerial = ({ strength }: Level): boolean =>
    evidence.ambiguous === undefined && strength <= serialUpTo()
  return {
    ...evidence,
    isEasy: (level) => meets(analysis.names, forbidden(level)) || isSerial(level),
    isInitial: (key, value) => {
      if (evidence.initial === undefined || (typeof key !== 'string' && typeof key !== 'number')) return false
      const id = txns.keys.idOf(key)
      return txns.elements.idOf(id, value) === evidence.initial[id]
    },
    analysis,
    verdictOn,
    verdictOf: (level) =>
      !decidedWithoutGuesses && !meets(analysis.names, forbidden(level)) && isSerial(level)
        ? 'ok'
        : level.strength === 2 && !txns.history.realTime && verdictOn(forbidden(level)) === 'ok'
          ? 'unknown'
          : verdictOn(forbidden(level)),
    everyOrder: (names) => tried.find((guess) => meets(guess.names, names)),
  }
}

/** Names of levels that do not hold, weakest first; of these the weakest; and the strongest that are left. */
export interface LevelReport {
  readonly ruledOut: readonly string[]
  readonly weakestRuledOut: readonly string[]
  readonly mayHold: readonly string[]
}

/** Sorts all levels by a verdict on each; a level above one that is violated is violated. */
export function reportLevels(verdictOf: (level: Level) => string, realTime: boolean): LevelReport {
  const levels = allLevels()
  const direct = new Set(levels.filter((level) => verdictOf(level) === 'violated'))
  const out = levels.filter((level) => [...lineage(level)].some((other) => direct.has(other)))
  const isOut = new Set(out)
  const left = levels.filter((level) => !isOut.has(level) && (realTime || level.strength < 2))
  return {
    ruledOut: out.toSorted((a, b) => lineage(a).size - lineage(b).size).map(({ name }) => name),
    weakestRuledOut: out
      .filter((level) => ![...lineage(level)].some((other) => other !== level && isOut.has(other)))
      .map(({ name }) => name),
    mayHold: left
      .filter((level) => !left.some((other) => other !== level && lineage(other).has(level)))
      .map(({ name }) => name),
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}

function filter<T>(items: Iterable<T>, keep: (item: T) => boolean): Iterable<T> {
  return {
    *[Symbol.iterator]() {
      for (const item of items) if (keep(item)) yield item
    },
  }
}
