import { copyUnits } from './pages.ts'
import type { Sequence } from './sequence.ts'

const decoder = /* @__PURE__ */ new TextDecoder('utf-16le')

/** The visible text between two positions, which are within the text and cut no surrogate pair. */
export function readRange(sequence: Sequence, from: number, to: number): string {
  if (to <= from) return ''
  const { inPoints } = sequence
  const first = sequence.at(from)
  const units = new Uint16Array(inPoints ? (to - from) * 2 : to - from)
  let filled = 0
  let left = to - from
  let skip = from - sequence.startOf(first)
  for (let leaf = first.leaf; leaf !== undefined && left > 0; leaf = leaf.after) {
    const all = inPoints ? leaf.points : leaf.units
    if (leaf.shelf !== undefined && all <= left) {
      filled = leaf.shelf.copy(leaf, units, filled)
      left -= all
      continue
    }
    const { pieces } = leaf
    for (let i = leaf === first.leaf ? pieces.indexOf(first) : 0; i < pieces.length && left > 0; i++) {
      const piece = pieces[i]
      if (piece === undefined || piece.deleted) continue
      const size = inPoints ? 1 : piece.width
      const points = Math.min(piece.length - skip / size, left / size)
      const start = piece.at + (skip / size) * piece.width
      filled = copyUnits(piece.page, start, points * piece.width, units, filled)
      left -= points * size
      skip = 0
    }
  }
  return decoder.decode(units.subarray(0, filled))
}
