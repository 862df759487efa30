// npm run prove -- read-your-writes [--seed N] [--pairs N] [--only NAME] [--html FOLDER]
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { renderTimeline } from '@quorate/checker/timeline'
import { systemRandom } from '@quorate/core'
import { runStrategy, type RunResult } from './run.ts'
import { STRATEGIES, type StrategyName } from './strategies.ts'

const NAMES = Object.keys(STRATEGIES) as StrategyName[]
const HELP = `Visitors write and read back through Express while replicas lag from 0 to 500 ms, one is killed, one is
cut off, and the primary is replaced. Counted by the visitors, judged by the checker.

  npm run prove -- read-your-writes --pairs 100000 --seed 42

  --seed N        chance of the lag (default: drawn, and printed)
  --pairs N       reads after writes, for each way to route (default 100000)
  --only NAME     one way: ${NAMES.map((name) => `'${name}'`).join(', ')}
  --html FOLDER   write a picture of the first violation there
  --help          this text
`

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      pairs: { type: 'string', default: '100000' },
      only: { type: 'string' },
      html: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const pairs = Number(values.pairs)
  if (!(Number.isInteger(pairs) && pairs > 0)) {
    throw new TypeError(`--pairs must be a whole number from 1, got ${values.pairs}`)
  }
  const names = NAMES.filter((name) => values.only === undefined || name === values.only)
  if (names.length === 0) throw new TypeError(`There is no way named ${values.only}; see --help`)
  const seed = values.seed ?? String(Math.floor(systemRandom() * 1_000_000))
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stopping.abort(new Error('stopped')))
  }
  process.stdout.write(`${HEAD}\n`)
  let areKept = true
  for (const name of names) {
    process.stderr.write(`${name}: ${STRATEGIES[name]}\n`)
    const result = await runStrategy(name, {
      seed,
      pairs,
      signal: stopping.signal,
      onProgress: (done) => {
        if (done % Math.ceil(pairs / 10) === 0) process.stderr.write(`  ${done} pairs\n`)
      },
    })
    process.stdout.write(`${lineOf(name, result)}\n`)
    if (values.html !== undefined) await draw(values.html, name, result)
    const { readYourWrites, monotonicReads } = result.judged
    if (name === 'quorate')
      areKept = [readYourWrites, monotonicReads].every(({ verdict }) => verdict === 'ok')
  }
  process.stdout.write(`\nseed ${seed}; `)
  process.stdout.write(`again: npm run prove -- read-your-writes --seed ${seed} --pairs ${pairs}\n`)
  return areKept ? 0 : 1
}

const COLUMNS = [16, 8, 12, 12, 14, 15, 9, 8] as const
const inColumns = (cells: readonly string[]): string =>
  cells
    .map((cell, at) => (at === 0 ? cell.padEnd(COLUMNS[0]) : cell.padStart(COLUMNS[at] ?? 0)))
    .join('  ')
    .trimEnd()
const HEAD = inColumns([
  '',
  'pairs',
  'stale own',
  'backward',
  'checker: ryw',
  'checker: mono',
  'primary',
  'pairs/s',
])

function lineOf(name: string, result: RunResult): string {
  const { pairs, stale, backward, judged, reads, primaryReads, seconds } = result
  return inColumns([
    name,
    String(pairs),
    String(stale),
    String(backward),
    verdictOf(judged.readYourWrites),
    verdictOf(judged.monotonicReads),
    `${((100 * primaryReads) / reads).toFixed(1)} %`,
    String(Math.round(pairs / seconds)),
  ])
}

function verdictOf({ verdict, violationCount }: RunResult['judged']['readYourWrites']): string {
  return verdict === 'violated' ? `${violationCount} broken` : verdict
}

async function draw(folder: string, name: string, { history, judged }: RunResult): Promise<void> {
  const broken = Object.values(judged).find(({ verdict }) => verdict === 'violated')
  if (broken === undefined) return
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, `${name.replaceAll(' ', '-')}.html`), renderTimeline(history, broken))
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exitCode = error instanceof TypeError ? 2 : 1
}
