import { DecodeError } from '@quorate/vector-clock'
import { startJSON } from '../format.ts'
import { encodeOps } from './codec.ts'
import { decodeOps } from './decoder.ts'
import { normalise } from './op-set.ts'
import { countPoints, DERIVED, Insertion, NOWHERE, type Op, Removal } from './ops.ts'
import { MAX_EVENTS } from './rows.ts'

/** A character: who put it in, and its event. */
export type CharacterJson = readonly [replica: string, counter: number]

/** An edit in JSON. Each character and each deletion is an event of its own, `at` is the first of them. */
export type TextEditJson =
  | {
      readonly at: number
      /** Text, and in place of deleted characters their number. */
      readonly insert: readonly (string | number)[]
      /** Left origin, `null` for the start; absent if it is that of `before`. */
      readonly after?: CharacterJson | null
      /** Right origin, `null` for the end; absent if it is that of `after`. */
      readonly before?: CharacterJson | null
    }
  | {
      readonly at: number
      /** How many characters went. */
      readonly delete: number
      /** The first of them. */
      readonly target: CharacterJson
      /** True if they went backwards from there, as by backspace. */
      readonly backwards?: true
    }

/** The JSON of a text or delta: edits by replica. */
export interface TextJson {
  readonly type: 'text'
  readonly edits: Readonly<Record<string, readonly TextEditJson[]>>
}

/** The edits as maximal runs: whatever pieces they come in, the JSON is one. */
export function opsToJSON(ops: readonly Op[]): TextJson {
  const edits = new Map<string, TextEditJson[]>()
  let insert: (string | number)[] = []
  let next = 0
  // The bytes have maximal runs of deletions already.
  for (const op of decodeOps(encodeOps(ops))) {
    let list = edits.get(op.node)
    if (list === undefined) {
      edits.set(op.node, (list = []))
      next = 0
    }
    if (op instanceof Removal) {
      const { counter: at, length, targetNode, target, step } = op
      const backwards = step < 0 ? { backwards: true as const } : {}
      list.push({ at, delete: length, target: [targetNode, target], ...backwards })
      next = 0
    } else {
      if (!(op.isGoingOn && op.counter === next)) {
        insert = []
        list.push({ at: op.counter, insert, ...originsOf(op) })
      }
      insert.push(op.text ?? op.length)
      next = op.counter + op.length
    }
  }
  return { type: 'text', edits: Object.fromEntries(edits) }
}

function originsOf(op: Insertion): { after?: CharacterJson | null; before?: CharacterJson | null } {
  const { leftNode, leftCounter, rightNode, rightCounter } = op
  return {
    ...(leftCounter === DERIVED ? {} : { after: leftCounter === 0 ? null : [leftNode, leftCounter] }),
    ...(rightCounter === DERIVED ? {} : { before: rightCounter === 0 ? null : [rightNode, rightCounter] }),
  }
}

/**
 * The operations of what {@link opsToJSON} made.
 *
 * @throws DecodeError on anything else.
 */
export function opsFromJSON(json: unknown): Op[] {
  const [{ edits }] = startJSON('text', json)
  if (!isRecord(edits)) return fail('edits is not an object')
  const ops: Op[] = []
  for (const [node, list] of Object.entries(edits)) {
    if (node === NOWHERE || !Array.isArray(list)) return fail('edits is not lists by replica')
    for (const edit of list)
      ops.push(...(isRecord(edit) ? opsOf(node, edit) : fail('an edit is not an object')))
  }
  // The rules are those of the bytes: what does not survive them is refused there.
  return decodeOps(encodeOps(normalise(ops)))
}

function opsOf(node: string, edit: Readonly<Record<string, unknown>>): Op[] {
  const { at, insert, delete: length, target, backwards } = edit
  if (!isCounter(at)) return fail('at is not a counter')
  if (Array.isArray(insert)) return insertionsOf(node, at, insert, edit)
  if (!isCounter(length) || (backwards !== undefined && backwards !== true))
    return fail('an edit is not valid')
  const [targetNode, first] = characterOf(target)
  if (first < 1) return fail('a deletion has no target')
  return [new Removal(node, at, length, targetNode, first, backwards === true ? -1 : 1)]
}

function insertionsOf(
  node: string,
  at: number,
  insert: readonly unknown[],
  { after, before }: Readonly<Record<string, unknown>>,
): Op[] {
  const [left, leftCounter] = after === undefined ? [NOWHERE, DERIVED] : characterOf(after)
  const [right, rightCounter] = before === undefined ? [NOWHERE, DERIVED] : characterOf(before)
  if (leftCounter === DERIVED && rightCounter < 1) return fail('an edit has no origins')
  const ops: Op[] = []
  let counter = at
  for (const piece of insert) {
    const text = typeof piece === 'string' ? piece : undefined
    const length = text === undefined ? piece : countPoints(text)
    if (!isCounter(length)) return fail('an insertion is not valid')
    ops.push(
      counter === at
        ? new Insertion(node, counter, length, text, left, leftCounter, right, rightCounter)
        : new Insertion(node, counter, length, text, node, counter - 1, NOWHERE, DERIVED),
    )
    counter += length
  }
  return ops.length > 0 ? ops : fail('an insertion is empty')
}

function characterOf(json: unknown): CharacterJson {
  if (json === null) return [NOWHERE, 0]
  const [node, counter, more] = (Array.isArray(json) ? json : []) as unknown[]
  if (typeof node !== 'string' || node === NOWHERE || !isCounter(counter) || more !== undefined) {
    return fail('a character is not valid')
  }
  return [node, counter]
}

const isCounter = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) < MAX_EVENTS

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function fail(reason: string): never {
  throw new DecodeError('text', reason)
}
