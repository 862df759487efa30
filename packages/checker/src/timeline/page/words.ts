import type { History } from '../../history.ts'
import type { Operation } from '../../operation.ts'
import type { CheckResult } from '../../result.ts'
import { escapeText } from '../draw/escape.ts'
import { wrongsOf } from '../picture/findings.ts'
import { labelOf } from '../picture/label.ts'
import type { TimelineOptions } from '../options.ts'

export const titleOf = ({ name }: History, { title }: TimelineOptions): string => title ?? name ?? 'History'

/** The verdict in a word, and in a sentence what it rests on. */
export function headline(result: CheckResult | undefined): { word: string; sentence: string } {
  if (result === undefined) return { word: 'not checked', sentence: '' }
  const { verdict, reason = '' } = result
  if (verdict === 'ok') return { word: 'kept', sentence: 'nothing in this history contradicts it' }
  if (verdict === 'unknown') return { word: 'not decided', sentence: reason }
  return { word: 'violated', sentence: wrongsOf(result)[0]?.message ?? '' }
}

/** A message as HTML: `#8` leads to that operation. */
export function linked(message: string): string {
  return message
    .split(/#(\d+)/)
    .map((part, at) => (at % 2 === 0 ? escapeText(part) : `<a href="#op-${part}">#${part}</a>`))
    .join('')
}

/** `#8 read → 1`. */
export const nameOf = (operation: Operation): string => `#${operation.index} ${labelOf(operation, true)}`

/** `1 operation`, `1,000 operations`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}
