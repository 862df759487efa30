import type { Operation } from '../operation.ts'

/** Colours, or none. */
export interface Paint {
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
}

export function paintFor(wanted: boolean): Paint {
  const style =
    (code: number, end: number) =>
    (text: string): string =>
      wanted ? `\u001b[${code}m${text}\u001b[${end}m` : text
  return {
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
    bold: style(1, 22),
    dim: style(2, 22),
  }
}

/** Text from a file, harmless for a terminal: no control characters, nothing that turns the direction of reading. */
export function clean(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, (one) => {
    const code = one.codePointAt(0) ?? 0
    return `\\u${code.toString(16).padStart(4, '0')}`
  })
}

export function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

/** A value as JSON, keys and other texts without quotes where that cannot be misread. */
export function valueText(value: unknown): string {
  if (value === undefined) return ''
  const json = JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'bigint' ? String(field) : field,
  )
  return (json ?? typeof value).replaceAll(/"([\p{L}_][\p{L}\p{N}_.-]*)"/gu, '$1')
}

const ENDINGS = { ok: '', fail: ', did not happen', unknown: ', unknown whether it happened' } as const

/** `read sku-1 → 3`, `cas [1,2] → compared unequal`, `txn append x 1, r y [1]`. */
export function operationText(operation: Operation): string {
  const { op, key, input, output, status } = operation
  const of = key === undefined ? '' : ` ${valueText(key)}`
  const ending = ENDINGS[status]
  const steps = stepsText(status === 'ok' && Array.isArray(output) ? output : input)
  if (steps !== undefined) return `${op}${of} ${steps}${ending}`
  const asked = input === undefined ? '' : ` ${valueText(input)}`
  if (op === 'cas' && status === 'ok')
    return `${op}${of}${asked} → ${output === false ? 'compared unequal' : 'set'}`
  const answered = output === undefined ? '' : ` → ${valueText(output)}`
  return `${op}${of}${asked}${answered}${ending}`
}

function stepsText(value: unknown): string | undefined {
  const isStep = (step: unknown): step is [string, unknown, unknown] =>
    Array.isArray(step) && step.length === 3 && typeof step[0] === 'string'
  if (!Array.isArray(value) || value.length === 0 || !value.every(isStep)) return undefined
  return value
    .map(([op, key, seen]) => `${op} ${valueText(key)} ${op === 'r' ? '→ ' : ''}${valueText(seen)}`)
    .join(', ')
}
