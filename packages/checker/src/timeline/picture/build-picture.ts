import type { Fault, History } from '../../history.ts'
import type { Key, Operation } from '../../operation.ts'
import type { CheckResult } from '../../result.ts'
import { chooseOperations, gapsIn } from './choose.ts'
import { wrongsOf, type Wrong } from './findings.ts'
import { kindOf, labelOf, stepsOf } from './label.ts'
import type { Finding, Picture, PictureFault, PictureOperation, Span } from './picture.ts'
import { shorten, showValue } from './text.ts'

const MAX_DETAIL = 4_000
const MAX_NAME = 80

/** Chooses what to show of a history, and puts it in words. */
export function buildPicture(
  history: History,
  result: CheckResult | undefined,
  maxOperations: number,
  key: Key | undefined,
): Picture {
  const wrongs = wrongsOf(result)
  const focus = wrongs.flatMap(({ operations }) => operations)
  const isOfKey = (operation: Operation): boolean => key === undefined || keysOf(operation).includes(key)
  const chosen = chooseOperations(history.operations, maxOperations, focus, isOfKey)
  const positions = new Map(chosen.map((index, position) => [index, position]))
  const shown = chosen.flatMap((index) => history.operations[index] ?? [])
  const lanes = numbered(lanesInOrder(shown))
  const keys = numbered(shown.flatMap(keysOf))
  const placed = places(history.realTime, shown)
  const hasMs = history.realTime && shown.length > 0 && shown.every(({ startMs }) => startMs !== undefined)
  const operations = shown.map((operation, at): PictureOperation => {
    const detail = (value: unknown): string => showValue(value, MAX_DETAIL)
    return {
      index: operation.index,
      lane: lanes.get(operation.process) ?? 0,
      kind: kindOf(operation),
      status: operation.status,
      op: operation.op,
      label: labelOf(operation, false),
      keyed: labelOf(operation, true),
      keys: [...new Set(keysOf(operation).flatMap((name) => keys.get(name) ?? []))],
      order: placed[at] ?? [0, null],
      ms: hasMs ? msSpan(operation) : undefined,
      input: detail(operation.input),
      output: detail(operation.output),
      line: operation.line,
    }
  })
  const legal = result?.counterexample?.longestPrefix ?? result?.witness ?? []
  return {
    operations,
    lanes: [...lanes.keys()].map(String),
    keys: [...keys.keys()].map(String),
    faults: history.realTime ? history.faults.map(pictureFault) : [],
    findings: wrongs.map((wrong) => finding(wrong, positions, keys)),
    order: legal.flatMap((index, at) => {
      const position = positions.get(index)
      return position === undefined ? [] : [[position, at + 1] as const]
    }),
    gaps: gapsIn(chosen, history.operations.length),
    realTime: history.realTime,
    hasMs,
  }
}

/** Every object that an operation touches. */
export function keysOf(operation: Operation): Key[] {
  const steps = stepsOf(operation)
  if (steps !== undefined) return steps.map(([, key]) => key as Key)
  return operation.key === undefined ? [] : [operation.key]
}

function numbered<Name>(names: readonly Name[]): Map<Name, number> {
  const numbers = new Map<Name, number>()
  for (const name of names) if (!numbers.has(name)) numbers.set(name, numbers.size)
  return numbers
}

/** Numbers in order, then names in order: 2 before 10. */
function lanesInOrder(operations: readonly Operation[]): Array<number | string> {
  return [...new Set(operations.map(({ process }) => process))].toSorted((a, b) =>
    typeof a === 'number' && typeof b === 'number'
      ? a - b
      : String(a).localeCompare(String(b), 'en', { numeric: true }),
  )
}

/** Where nothing orders processes, each lane counts for itself, so that none seems to wait for another. */
function places(realTime: boolean, operations: readonly Operation[]): Span[] {
  if (realTime) return operations.map(({ start, end }) => [start, Number.isFinite(end) ? end : null])
  const counts = new Map<unknown, number>()
  return operations.map(({ process }) => {
    const place = counts.get(process) ?? 0
    counts.set(process, place + 2)
    return [place, place + 1]
  })
}

function msSpan({ startMs = 0, endMs, end }: Operation): Span {
  return [startMs, Number.isFinite(end) ? (endMs ?? startMs) : null]
}

function pictureFault({ name, targets, detail, start, end, startMs, endMs }: Fault): PictureFault {
  const on = targets.length > 0 ? ` ${targets.join(', ')}` : ''
  return {
    text: shorten(`${name}${on}${detail === undefined ? '' : ` (${detail})`}`, MAX_NAME),
    order: [start, Number.isFinite(end) ? end : null],
    ms: startMs === undefined ? undefined : [startMs, Number.isFinite(end) ? (endMs ?? startMs) : null],
  }
}

function finding(
  { name, message, operations, edges, key: about }: Wrong,
  positions: ReadonlyMap<number, number>,
  keys: ReadonlyMap<Key, number>,
): Finding {
  const shown = operations.flatMap((index) => positions.get(index) ?? [])
  return {
    name: shorten(name, MAX_NAME),
    message,
    operations: shown,
    key: (about === undefined ? undefined : keys.get(about)) ?? -1,
    bad: positions.get(operations[0] ?? -1) ?? -1,
    edges: edges.flatMap(({ from, to, kind, key }) => {
      const a = positions.get(from)
      const b = positions.get(to)
      if (a === undefined || b === undefined) return []
      return [{ from: a, to: b, kind, text: key === undefined ? kind : `${kind} ${showValue(key, 16)}` }]
    }),
  }
}
