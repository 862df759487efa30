import { valueKey } from '../../value.ts'

/** A value in few characters: `3`, `sku-1`, `[1,2]`, `{a:1}`. `undefined` is empty. */
export function showValue(value: unknown, max = 24): string {
  return shorten(show(value, 0), max)
}

export function shorten(text: string, max: number): string {
  // Never half of a surrogate pair.
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

const PLAIN = /^[\w.:+/@-]+$/
const MAX_DEPTH = 6 // also ends values that contain themselves
const MAX_ITEMS = 1_000

function show(value: unknown, depth: number): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return PLAIN.test(value) ? value : JSON.stringify(value)
  if (value === null || typeof value !== 'object') return valueKey(value)
  if (value instanceof Date) return valueKey(value)
  if (depth === MAX_DEPTH) return '…'
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => show(item, depth + 1))
    return `[${items.join(',')}${value.length > MAX_ITEMS ? ',…' : ''}]`
  }
  const fields = Object.entries(value).slice(0, MAX_ITEMS)
  return `{${fields.map(([name, field]) => `${name}:${show(field, depth + 1)}`).join(',')}}`
}
