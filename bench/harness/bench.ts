import { basename, dirname, join, relative } from 'node:path'
import { parseCommand } from './options.ts'
import { rounded, thisMachine, writeResult, type Row } from './result.ts'
import { fewerRounds, runGroup, type Figure, type Group } from './rounds.ts'
import { ratiosOf, tableOf } from './table.ts'

/** One bench: what is done, who does it, and which figures are set against each other. */
export interface BenchOptions {
  /** The work in one line: data, sizes, connections, durability; what a reader needs to repeat it. */
  readonly workload: string
  readonly groups: readonly Group[]
  /**
   * The ratios worth quoting. `value` is a median; with several groups name the group's title too.
   *
   * @throws RangeError from `value` for a case or metric that does not exist.
   */
  readonly ratios: (
    value: (caseName: string, metric: string, groupTitle?: string) => number,
  ) => Readonly<Record<string, number>>
}

/** Runs the bench, prints its tables and writes `bench/results/NAME.json`; NAME is the folder's. */
export async function bench({ workload, groups, ratios }: BenchOptions): Promise<void> {
  const folder = dirname(process.argv[1] ?? '')
  const name = basename(folder)
  const command = parseCommand([name, ...process.argv.slice(2)], [name])
  if (command.type !== 'run') throw new Error('Broken invariant: run.ts handles --help and --list')

  const measured = new Map<string, readonly Figure[]>()
  const rows: Row[] = []
  for (const group of groups) {
    const figures = await runGroup(group, command.rounds, (caseName, round) => {
      globalThis.gc?.() // one case's garbage is not the next one's pause
      progress(`${group.title}: round ${round} of ${command.rounds}, ${caseName}`)
    })
    progress('')
    measured.set(group.title, figures)
    console.log(`${tableOf(group, figures)}\n`)
    for (const { name: caseName, metric, unit, value } of figures) {
      const fullMetric = groups.length > 1 ? `${group.title}: ${metric}` : metric
      rows.push({ name: caseName, metric: fullMetric, unit, value: rounded(value) })
    }
  }
  const quoted = Object.fromEntries(
    Object.entries(ratios(lookup(measured))).map(([ratio, value]) => [ratio, rounded(value)]),
  )
  if (Object.keys(quoted).length > 0) console.log(`${ratiosOf(quoted)}\n`)

  const path = await writeResult(join(folder, '..', 'results'), name, {
    workload: `${workload}; median of ${command.rounds} interleaved rounds after a warm-up${fewerRounds(groups, command.rounds)}`,
    machine: thisMachine(),
    rows,
    ratios: quoted,
  })
  console.log(`wrote ${relative(process.cwd(), path)}`)
}

function lookup(
  measured: ReadonlyMap<string, readonly Figure[]>,
): (caseName: string, metric: string, groupTitle?: string) => number {
  return (caseName, metric, groupTitle) => {
    const figures =
      groupTitle === undefined ? [...measured.values()].flat() : (measured.get(groupTitle) ?? [])
    const found = figures.filter((figure) => figure.name === caseName && figure.metric === metric)
    if (found.length !== 1) {
      throw new RangeError(
        `Cannot make a ratio: ${found.length} figures for "${caseName}", "${metric}"` +
          (groupTitle === undefined ? '; name the group' : ` in "${groupTitle}"`),
      )
    }
    return found[0]?.value ?? Number.NaN
  }
}

/** One line that is overwritten; nothing where output is collected. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`)
}
