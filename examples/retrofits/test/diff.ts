/** A line of two texts: in both, in the first only, or in the second only. */
export interface DiffLine {
  readonly sign: ' ' | '-' | '+'
  readonly text: string
}

/** The shortest difference, by the longest common subsequence of lines. */
export function diff(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split('\n'), after.split('\n')]
  // common[i][j]: how many lines a from i and b from j have in common.
  const common = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0))
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) {
    const row = common[i] ?? []
    for (let j = b.length - 1; j >= 0; j--) {
      row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: ' ', text: a[i] ?? '' })
      i++
      j++
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: '-', text: a[i++] ?? '' })
    } else {
      lines.push({ sign: '+', text: b[j++] ?? '' })
    }
  }
  return lines
}

/** As a reader wants it: changes with a line around each, and `…` for what is left out. */
export function diffText(lines: readonly DiffLine[]): string {
  const isNear = (index: number): boolean =>
    lines.slice(Math.max(0, index - 1), index + 2).some(({ sign }) => sign !== ' ')
  return lines
    .flatMap(({ sign, text }, index) => {
      if (isNear(index)) return [`${sign}${text === '' ? '' : ` ${text}`}`.trimEnd()]
      return index > 0 && isNear(index - 1) && index < lines.length - 1 ? [' …'] : []
    })
    .join('\n')
    .replace(/\n …$/, '')
}
