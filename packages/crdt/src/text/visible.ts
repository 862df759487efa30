import type { Sequence } from './sequence.ts'

/** Latin text is longer than this only in long runs; shorter ones are quicker to copy by hand. */
const SHORT = 24

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
    const { pieces } = leaf
    for (let i = leaf === first.leaf ? pieces.indexOf(first) : 0; i < pieces.length && left > 0; i++) {
      const piece = pieces[i]
      if (piece === undefined || piece.deleted) continue
      const size = inPoints ? 1 : piece.width
      const points = Math.min(piece.length - skip / size, left / size)
      const start = piece.at + (skip / size) * piece.width
      const end = start + points * piece.width
      if (end - start > SHORT) {
        units.set(piece.page.subarray(start, end), filled)
        filled += end - start
      } else for (let unit = start; unit < end; unit++) units[filled++] = piece.page[unit] as number
      left -= points * size
      skip = 0
    }
  }
  return decoder.decode(units.subarray(0, filled))
}
