import type { History } from '../../history.ts'
import type { CheckResult, Verdict } from '../../result.ts'
import { randomHistory, seedMessage, type Shape } from './random-history.ts'

interface Comparison {
  /** Of the test, for the command that repeats it. */
  readonly file: string
  readonly seeds: number
  readonly shape: Shape
  readonly fast: (history: History) => CheckResult
  readonly slow: (history: History) => boolean
  /** Does the history leave an `ok` open, so that `fast` must say `unknown`? Without it, `unknown` is not looked at. */
  readonly open?: (history: History) => boolean
}

interface Compared {
  /** The first history with another verdict; empty if there is none. */
  readonly wrong: string
  readonly verdicts: Readonly<Record<Verdict, number>>
  /** How often the rarer of `ok` and `violated` was seen; Infinity if there is only one history. */
  readonly rarer: number
  /** Names of violations that were seen. */
  readonly names: ReadonlySet<string>
  readonly reasons: readonly string[]
}

/** Runs both on random histories. With QUORATE_SEED only on that one. */
export function compareVerdicts({ file, seeds, shape, fast, slow, open }: Comparison): Compared {
  const only = process.env['QUORATE_SEED']
  const verdicts = { ok: 0, violated: 0, unknown: 0 }
  const names = new Set<string>()
  const reasons: string[] = []
  for (let seed = 1; seed <= seeds; seed++) {
    if (only !== undefined && seed !== Number(only)) continue
    const history = randomHistory(seed, shape)
    const { verdict, violations, reason } = fast(history)
    verdicts[verdict]++
    for (const { name } of violations) names.add(name)
    if (verdict === 'unknown') reasons.push(reason ?? '')
    const expected = slow(history) ? (open?.(history) === true ? 'unknown' : 'ok') : 'violated'
    if (verdict !== expected && (verdict !== 'unknown' || open !== undefined)) {
      const wrong = `${verdict}: ${violations[0]?.message ?? ''}\n${seedMessage(seed, file, history)}`
      return { wrong, verdicts, rarer: 0, names, reasons }
    }
  }
  const rarer = only === undefined ? Math.min(verdicts.ok, verdicts.violated) : Infinity
  return { wrong: '', verdicts, rarer, names, reasons }
}
