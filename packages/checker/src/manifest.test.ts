import { describe, expect, test } from 'vitest'
import { checkOf } from './cli/checks.ts'
import { parseHistory } from './formats/index.ts'
import type { History } from './history.ts'
import { checkIsolation, type IsolationOptions } from './isolation/check-isolation.ts'
import type { CheckResult } from './result.ts'
import { dataOf, hasData, manifest, type ManifestEntry, NO_DATA } from './testing/shared-data.ts'

/** Models by the names that the manifest uses. */
const MODELS: Readonly<Record<string, string>> = {
  'kv-append (get/put/append, per-key partition, init "")': 'kv',
}

const entries = hasData ? manifest() : []

function load(entry: ManifestEntry): History {
  return parseHistory(dataOf(entry.file), { file: entry.file, model: MODELS[entry.model] ?? entry.model })
}

function check(history: History, model: string, level?: string, assume: readonly string[] = []): CheckResult {
  const chosen = checkOf(model, level)
  return chosen.run(history, { level: chosen.level, assume, maxTimeMs: 20_000 })
}

/** How many operations or transactions the file has, by its collector's way of counting. */
function sizes(entry: ManifestEntry, history: History): Record<string, number> {
  const { operations } = history
  const sizeOf = ({ input }: { input?: unknown }): number => (Array.isArray(input) ? input.length : 0)
  const counts: Record<string, number> = {}
  if (entry.txns !== undefined) counts['txns'] = operations.length
  if (entry.sessions !== undefined)
    counts['sessions'] = new Set(operations.map(({ process }) => process)).size
  if (entry.ops === undefined) return counts
  if (entry.txns !== undefined)
    counts['ops'] = operations.reduce((sum, operation) => sum + sizeOf(operation), 0)
  else if (entry.format === 'edn') counts['ops'] = operations.filter(({ status }) => status !== 'fail').length
  else counts['ops'] = operations.length
  return counts
}

function linearizable(entry: ManifestEntry, history: History): void {
  const wanted = entry.expect as { linearizable: boolean; firstUnlinearizableOpIndex?: number }
  const result = check(history, MODELS[entry.model] ?? entry.model)
  expect(result.verdict).toBe(wanted.linearizable ? 'ok' : 'violated')
  if (wanted.firstUnlinearizableOpIndex === undefined) return
  const firstBad = history.operations[result.counterexample?.firstBad ?? -1]
  expect(firstBad?.end).toBe(wanted.firstUnlinearizableOpIndex)
}

/** Lists of the details that an invariant reports, by the names that the manifest uses. */
function details(result: CheckResult): Record<string, unknown> {
  const { present, stable, acknowledged, attempted, duplicated, forks, ...others } =
    result as unknown as Record<string, unknown[]>
  const copies = duplicated as { id: unknown; count: number }[] | undefined
  return {
    ...others,
    ok: present,
    stableCount: stable?.length,
    acknowledged,
    acknowledgedCount: acknowledged,
    attempted,
    attemptCount: attempted,
    forks: forks?.length,
    duplicated: copies && Object.fromEntries(copies.map(({ id, count }) => [String(id), count])),
  }
}

function invariant(entry: ManifestEntry, history: History): void {
  const { valid, ...wanted } = entry.expect as Record<string, unknown>
  const result = check(history, entry.model === 'counter' ? 'counter-bounds' : entry.model)
  expect(result.verdict).toBe({ true: 'ok', false: 'violated', unknown: 'unknown' }[String(valid)])
  const found = details(result)
  expect(Object.fromEntries(Object.keys(wanted).map((name) => [name, found[name]]))).toEqual(wanted)
}

/** What Elle's own tests assert: verdict, anomalies found, levels ruled out. */
function elle(entry: ManifestEntry, history: History): void {
  for (const wanted of entry.expect as unknown as ElleExpectation[]) {
    const result = checkIsolation(history, {
      model: entry.model as IsolationOptions['model'],
      level: wanted.models,
      anomalies: wanted.checkedAnomalies,
      assume: wanted.assume,
    })
    expect(result.verdict).toBe(wanted.valid ? 'ok' : 'violated')
    expect(result.violations.map(({ name }) => name)).toEqual(expect.arrayContaining(wanted.anomalies ?? []))
    expect(result.ruledOut).toEqual(expect.arrayContaining(wanted.not ?? []))
  }
}

interface ElleExpectation extends Pick<IsolationOptions, 'assume'> {
  readonly valid: boolean
  readonly models?: string[]
  readonly checkedAnomalies?: string[]
  readonly anomalies?: string[]
  readonly not?: string[]
}

/** RC, RA, CC, PC, SI, SER: what the collector found, what the source says, what brute force says. */
function levels(entry: ManifestEntry, history: History): void {
  const wanted = {
    ...entry.asserted_by_source,
    ...entry.reference,
    ...(entry.expect as Record<string, boolean>),
  }
  const verdicts = Object.fromEntries(
    Object.entries(wanted).map(([level, holds]) => [level, holds ? 'ok' : 'violated']),
  )
  const found = (judgeLevel: (level: string) => CheckResult): object =>
    Object.fromEntries(Object.keys(wanted).map((level) => [level, judgeLevel(level).verdict]))
  expect(found((level) => check(history, 'rw-register', level))).toEqual(verdicts)
  // The program takes a short cut for what holds; of the large ones the long way takes seconds each.
  if (history.operations.length > 1000) return
  expect(found((level) => checkIsolation(history, { model: 'rw-register', level }))).toEqual(verdicts)
}

/** Knossos begins its multi-register with a value per key; a history has one for all keys. */
function initialOf({ init, model }: ManifestEntry): unknown {
  return model === 'multi-register' ? 0 : init
}

function judge(entry: ManifestEntry, history: History): void {
  if (Array.isArray(entry.expect)) elle(entry, history)
  else if ('linearizable' in entry.expect) linearizable(entry, history)
  else if (entry.file.startsWith('invariants/')) invariant(entry, history)
  else levels(entry, history)
}

describe.skipIf(!hasData)(
  `every verdict of shared/data/histories (skipped if ${NO_DATA})`,
  { timeout: 60_000 },
  () => {
    const judged = new Set<string>()

    test.each(entries.map((entry) => [entry.file, entry] as const))('%s', (_file, entry) => {
      const history = load(entry)
      const { ops, txns, sessions } = entry
      expect(sizes(entry, history)).toEqual(JSON.parse(JSON.stringify({ ops, txns, sessions })))
      const initial = 'init' in entry ? initialOf(entry) : history.initial
      expect(history.initial).toEqual(initial)
      judge(entry, history)
      judged.add(entry.file)
    })

    test('all 197 were judged', () => {
      expect(judged.size).toBe(197)
    })
  },
)
