import { DecodeError } from '@quorate/vector-clock'
import type { Decoded } from './decoder.ts'
import { inShort } from './origins.ts'
import { flatten } from './op-set.ts'
import { countPoints, DERIVED, Insertion, isPairAt, NOWHERE, type Op, Removal } from './ops.ts'
import {
  COUNTER,
  DELETE_DOWN,
  DELETE_UP,
  INDEX,
  KIND,
  LEFT_CHILD,
  LENGTH,
  OWN,
  RIGHT_CHILD_BEFORE,
  TARGET,
  WIDTH,
} from './rows.ts'
import { stringOf } from './text-bytes.ts'

/**
 * The rows as operations, insertions with their text, cut where characters are deleted.
 *
 * @throws DecodeError if the text is not of the right length.
 */
export function opsOf(decoded: Decoded): Op[] {
  const { names, cells, rights } = decoded
  const ops: Op[] = []
  const text = stringOf(decoded.text)
  const ranges = deletedIn(decoded)
  const isPlain = typeof decoded.text !== 'string' || countPoints(text) === text.length
  let unit = 0
  let own = -1
  let node = NOWHERE
  let list: readonly number[] = []
  let at = 0
  let right = 0
  for (let row = 0; row < cells.length; row += WIDTH) {
    const kind = cells[row + KIND] as number
    const index = cells[row + INDEX] as number
    const target = cells[row + TARGET] as number
    const length = cells[row + LENGTH] as number
    const name = index < 0 ? NOWHERE : (names[index] as string)
    let counter = cells[row + COUNTER] as number
    if (cells[row + OWN] !== own) {
      own = cells[row + OWN] as number
      node = names[own] as string
      list = ranges[own] ?? []
      at = 0
    }
    if (kind >= DELETE_DOWN) {
      const step = kind === DELETE_UP || length === 1 ? 1 : -1
      ops.push(new Removal(node, counter, length, name, target, step))
      continue
    }
    const isLeft = kind === LEFT_CHILD
    let leftNode = isLeft ? NOWHERE : name
    let leftCounter = isLeft ? DERIVED : target
    let rightNode = isLeft ? name : NOWHERE
    let rightCounter = isLeft ? target : DERIVED
    if (kind === RIGHT_CHILD_BEFORE) {
      const other = rights[right++] as number
      rightNode = other < 0 ? NOWHERE : (names[other] as string)
      rightCounter = rights[right++] as number
    }
    for (const end = counter + length; counter < end;) {
      while (at < list.length && (list[at + 1] as number) < counter) at += 2
      const from = at < list.length ? (list[at] as number) : Infinity
      const isDeleted = from <= counter
      const next = Math.min(end, isDeleted ? (list[at + 1] as number) + 1 : from)
      const start = unit
      if (!isDeleted) {
        const points = next - counter
        if (points > text.length - unit) fail('its text is too short')
        if (isPlain) unit += points
        else for (let left = points; left > 0; left--) unit += isPairAt(text, unit) ? 2 : 1
      }
      const part = isDeleted ? undefined : text.slice(start, unit)
      ops.push(
        new Insertion(node, counter, next - counter, part, leftNode, leftCounter, rightNode, rightCounter),
      )
      leftNode = node
      leftCounter = next - 1
      rightNode = NOWHERE
      rightCounter = DERIVED
      counter = next
    }
  }
  if (unit !== text.length) fail('its text is too long')
  if (rights.length > 0 && inShort(ops) !== ops) fail('an origin is told that follows from the other')
  return ops
}

/** Which characters the rows delete, by index of their replica: ranges in order. */
function deletedIn({ cells }: Decoded): readonly (readonly number[] | undefined)[] {
  const pairs: [from: number, to: number][][] = []
  for (let row = 0; row < cells.length; row += WIDTH) {
    const kind = cells[row + KIND] as number
    if (kind < DELETE_DOWN) continue
    const target = cells[row + TARGET] as number
    const more = (cells[row + LENGTH] as number) - 1
    const list = (pairs[cells[row + INDEX] as number] ??= [])
    list.push(kind === DELETE_UP ? [target, target + more] : [target - more, target])
  }
  return pairs.map(flatten)
}

function fail(reason: string): never {
  throw new DecodeError('text', reason)
}
