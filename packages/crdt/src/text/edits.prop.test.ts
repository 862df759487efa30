// What stands on the order of characters: events, cursors, undo, snapshots, collection.
import type { VersionVector } from '@quorate/vector-clock'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FugueModel } from '../../test/text/fugue-model.ts'
import {
  createText,
  decodeText,
  type Text,
  type TextChange,
  type TextCursor,
  TextHistoryError,
} from './index.ts'
import { Network, steps } from '../../test/text/network.ts'

const hex = (text: Text): string => Buffer.from(text.encode()).toString('hex')

/** A change made on a plain list of positions. */
const follow = (positions: string[], { index, deleted, inserted }: TextChange, inPoints: boolean): void => {
  positions.splice(index, deleted, ...(inPoints ? Array.from(inserted) : inserted.split('')))
}

test.each(['utf16', 'code-points'] as const)(
  'events: a plain string that follows them is the text (%s)',
  (positions) => {
    fc.assert(
      fc.property(steps(3), (list) => {
        const network = new Network(3)
        const reader = createText({ replica: 'reader', positions })
        const texts = [...network.texts, reader]
        const copies = texts.map((text) => {
          const copy: string[] = []
          const inPoints = positions === 'code-points' || text !== reader
          text.on('change', ({ changes }) => {
            for (const change of changes) follow(copy, change, inPoints)
            throw new Error('changes nothing')
          })
          return copy
        })
        for (const [i, step] of list.entries()) {
          network.run(step)
          const edit = network.edits.at((i * 7) % (network.edits.length + 1))
          if (edit !== undefined) reader.merge(edit.delta)
          expect(copies.map((copy) => copy.join(''))).toEqual(texts.map(String))
        }
      }),
      { numRuns: 90 },
    )
  },
)

test('cursors are where their character is, or was', () => {
  fc.assert(
    fc.property(steps(3), fc.infiniteStream(fc.nat(1000).map((n) => n / 1000)), (list, shares) => {
      const network = new Network(3)
      const cursors = network.texts.map((): TextCursor[] => [])
      for (const step of list) {
        network.run(step)
        for (const [i, text] of network.texts.entries()) {
          const own = cursors[i] as TextCursor[]
          const index = Math.round(shares.next().value * text.length)
          const side = own.length % 2 === 0 ? 'after' : 'before'
          const cursor = text.cursor(index, { side })
          expect(cursor.index).toBe(index)
          own.push(cursor)
          for (const one of own)
            expect(one.index).toBe(modelIndex(network.models[i] as FugueModel, one, text.length))
        }
      }
      network.settle()
      for (const cursor of cursors.flat()) {
        for (const text of network.texts) {
          expect(text.cursorFrom(cursor.encode())?.index).toBe(cursor.index)
          expect(text.cursorFrom(JSON.parse(JSON.stringify(cursor)))?.index).toBe(cursor.index)
        }
      }
    }),
    { numRuns: 40 },
  )
})

function modelIndex(model: FugueModel, cursor: TextCursor, length: number): number {
  const { side, character } = cursor.toJSON()
  if (character === null) return side === 'after' ? 0 : length
  return model.indexOf({ replica: character[0], counter: character[1] }, side)
}

test('undo of everything leaves what others wrote, and redo of everything brings it back', () => {
  fc.assert(
    fc.property(steps(1, 30, ['insert', 'delete', 'replace']), (list) => {
      const network = new Network(1)
      const [text] = network.texts as [Text]
      const before = [text.toString()]
      for (const step of list) {
        network.run(step)
        text.stopGroup()
        before.push(text.toString())
      }
      const after: string[] = []
      while (text.undo() !== undefined) after.push(text.toString())
      expect(text.canUndo).toBe(false)
      expect(text.toString()).toBe('')
      // Every text on the way was there before, in order; edits that changed nothing made no step.
      const distinct = before.filter((one, i) => i === 0 || one !== before[i - 1])
      expect(after.filter((one, i) => one !== (i === 0 ? before.at(-1) : after[i - 1]))).toEqual(
        distinct.toReversed().slice(1),
      )
      while (text.redo() !== undefined);
      expect(text.toString()).toBe(before.at(-1))
      expect(text.canRedo).toBe(false)
    }),
    { numRuns: 90 },
  )
})

test('undo takes back own edits only: of two writers, what the other typed and did not delete stays', () => {
  fc.assert(
    fc.property(steps(2, 40, ['insert', 'deliver', 'sync']), (list) => {
      const network = new Network(2)
      for (const step of list) network.run(step)
      network.settle()
      const [one, other] = network.texts as [Text, Text]
      const theirs = Object.entries(other.toJSON().edits).flatMap(([node, edits]) =>
        node === 'r1' ? edits : [],
      )
      const characters = theirs.flatMap((edit) => ('insert' in edit ? Array.from(edit.insert.join('')) : []))
      for (let delta = one.undo(); delta !== undefined; delta = one.undo()) other.merge(delta)
      expect(Array.from(one.toString()).toSorted()).toEqual(characters.toSorted())
      expect(hex(other)).toBe(hex(one))
    }),
    { numRuns: 90 },
  )
})

test('textAt() gives each version back, as long as nothing of it was collected', () => {
  fc.assert(
    fc.property(steps(3, 40, ['insert', 'delete', 'replace', 'undo', 'redo', 'deliver']), (list) => {
      const network = new Network(3)
      const taken = network.texts.map((text) => ({
        text,
        snapshots: [{ version: text.snapshot(), was: '' }],
      }))
      for (const step of list) {
        network.run(step)
        // A deletion that waits shows already, and is in no version yet.
        for (const { text, snapshots } of taken)
          if (!text.hasGaps) snapshots.push({ version: text.snapshot(), was: text.toString() })
      }
      network.settle()
      for (const { text, snapshots } of taken) {
        for (const { version, was } of snapshots) expect(text.textAt(version)).toBe(was)
        text.collect(text.version)
        expect(text.textAt(text.version)).toBe(text.toString())
      }
      // Of what came by bytes, the text of what is deleted is not there; never a wrong text.
      const [first] = taken
      const read = decodeText(network.texts[0]?.encode() as Uint8Array, { replica: 'reader' })
      for (const { version, was } of first?.snapshots ?? []) {
        expect([was, TextHistoryError]).toContain(readAt(read, version))
      }
    }),
    { numRuns: 90 },
  )
})

/** The text at a version, or the class of the error. */
function readAt(text: Text, version: VersionVector): unknown {
  try {
    return text.textAt(version)
  } catch (error) {
    return (error as Error).constructor
  }
}

test('collect() of what all have seen changes no text, no bytes and no edit to come', () => {
  fc.assert(
    fc.property(steps(3), steps(3), (before, then) => {
      const network = new Network(3)
      for (const step of before) network.run(step)
      const states = network.texts.map((text) => [text.toString(), hex(text)])
      for (const text of network.texts) {
        text.collect(network.stable)
        expect(text.collect(network.stable)).toBe(0)
      }
      expect(network.texts.map((text) => [text.toString(), hex(text)])).toEqual(states)
      for (const step of then) {
        network.run(step)
        for (const [i, text] of network.texts.entries()) {
          expect(text.toString()).toBe(network.models[i]?.value.join(''))
        }
      }
      network.settle()
      expect(new Set(network.texts.map(hex)).size).toBe(1)
    }),
    { numRuns: 90 },
  )
})
