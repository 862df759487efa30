import type { History } from '../../history.ts'
import type { Operation } from '../../operation.ts'
import type { CheckResult } from '../../result.ts'
import { labelOf } from '../picture/label.ts'
import type { TimelineOptions } from '../options.ts'

export const titleOf = ({ name }: History, { title }: TimelineOptions): string => title ?? name ?? 'History'

/** The verdict in a word, and in a sentence what it rests on. */
export function headline(
  history: History,
  result: CheckResult | undefined,
): { word: string; sentence: string } {
  if (result === undefined) return { word: 'not checked', sentence: '' }
  const { verdict, reason = '', violations, counterexample: found } = result
  if (verdict === 'ok') return { word: 'kept', sentence: 'Nothing in this history contradicts the promise.' }
  if (verdict === 'unknown') return { word: 'not decided', sentence: reason }
  const message = violations[0]?.message ?? ''
  if (found === undefined) return { word: 'violated', sentence: message }
  const bad = history.operations[found.firstBad]
  const who = bad === undefined ? '' : `${nameOf(bad)} of process ${bad.process}`
  return {
    word: 'violated',
    sentence: `${who} fits nowhere. ${message}`,
  }
}

/** `#8 read → 1`. */
export const nameOf = (operation: Operation): string => `#${operation.index} ${labelOf(operation, true)}`

/** `1 operation`, `1,000 operations`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}
