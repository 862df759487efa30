import type { Figure, Group } from './rounds.ts'

/** A group as text: a line per case, a column per metric, with the spread of the rounds. */
export function tableOf(group: Group, figures: readonly Figure[]): string {
  const metrics = Object.entries(group.units)
  const rows = [
    [group.title, ...metrics.map(([metric, unit]) => `${metric}, ${unit}`)],
    ...group.cases.map(({ name }) => [
      name,
      ...metrics.map(([metric]) => {
        const figure = figures.find((other) => other.name === name && other.metric === metric)
        return figure === undefined
          ? '-'
          : `${readable(figure.value)} ±${Math.round(figure.spread * 100)}%`.replace(/ ±0%$/, '')
      }),
    ]),
  ]
  return align(rows)
}

/** Ratios as text, one per line. */
export function ratiosOf(ratios: Readonly<Record<string, number>>): string {
  return align([
    ['ratio', ''],
    ...Object.entries(ratios).map(([name, value]) => [name, `${readable(value)} ×`]),
  ])
}

/** Three figures that count, thousands grouped: 0.00123, 4.57, 12.3, 6,928. */
export function readable(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (value !== 0 && Math.abs(value) < 100) return String(Number(value.toPrecision(3)))
  return Math.round(value).toLocaleString('en-US')
}

/** First column to the left, the others to the right, a rule under the head. */
function align(rows: readonly (readonly string[])[]): string {
  const columns = rows[0]?.length ?? 0
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  const lines = rows.map((row) =>
    widths
      .map((width, column) =>
        column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width),
      )
      .join('   ')
      .trimEnd(),
  )
  const rule = '-'.repeat(widths.reduce((sum, width) => sum + width + 3, -3))
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}
