// npm run prove -- local-cluster [--seed N] [--for SECONDS] [--html FOLDER] [--only NAME] [--schedule TEXT]
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { serializeHistory } from '@quorate/checker/formats'
import { renderTimeline } from '@quorate/checker/timeline'
import { systemRandom } from '@quorate/core'
import { judge, type Judgement } from './judge.ts'
import { runSetting } from './run.ts'
import { SETTINGS, type Setting } from './settings.ts'
import { table } from './table.ts'

const HELP = `What a primary and its replica promise, under faults: recorded, judged, drawn.

  npm run prove -- local-cluster --seed 42 --for 30 --html proofs

  --seed N          chance of clients and faults (default: drawn, and printed)
  --for SECONDS     how long each setting is under faults (default 15)
  --only NAME       one setting: ${SETTINGS.map(({ name }) => `'${name}'`).join(', ')}
  --schedule TEXT   these faults instead of those of the seed, as they were printed
  --html FOLDER     write a picture of each history there, and the history as JSON
  --help            this text
`

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      for: { type: 'string', default: '15' },
      only: { type: 'string' },
      schedule: { type: 'string' },
      html: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const seconds = Number(values.for)
  if (!(seconds >= 0)) throw new TypeError(`--for must be a number of seconds, got ${values.for}`)
  const settings = SETTINGS.filter(({ name }) => values.only === undefined || name === values.only)
  if (settings.length === 0) throw new TypeError(`There is no setting named ${values.only}; see --help`)
  const seed = values.seed ?? String(Math.floor(systemRandom() * 1_000_000))
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stopping.abort(new Error('stopped')))
  }

  const rows: string[][] = []
  const remarks: string[] = []
  let areKept = true
  for (const setting of settings) {
    process.stderr.write(`${setting.name}: ${setting.how}; under faults for ${seconds} s …\n`)
    const { history, schedule, faults, missing } = await runSetting(setting, {
      seed,
      forMs: seconds * 1_000,
      schedule: values.schedule,
      signal: stopping.signal,
    })
    remarks.push(...missing.map((fault) => `not caused  ${setting.name}: ${fault}`))
    for (const claim of setting.claims) {
      const judgement = judge(history, claim)
      rows.push(rowOf(setting, judgement, faults))
      if (values.html !== undefined) await draw(values.html, setting, judgement)
      const { contradictions, tooLittle } = judgement
      if (contradictions.length === 0 && tooLittle === undefined) continue
      areKept = false
      const what = `${setting.name}, reads from ${claim.reads.join(' and ')}`
      remarks.push(
        `${wordFor(judgement)}  ${what}: ${[...contradictions, tooLittle ?? []].flat().join('; ')}`,
      )
      if (contradictions.length === 0) continue
      remarks.push(
        `  again: npm run prove -- local-cluster --seed ${seed} --only '${setting.name}' --schedule '${schedule}'`,
      )
    }
  }
  process.stdout.write(
    table(['setting', 'reads from', 'ops', 'unknown', 'faults', 'linearizable', 'broken', 'claim'], rows),
  )
  const only = values.only === undefined ? '' : ` --only '${values.only}'`
  const how = values.schedule === undefined ? `--for ${seconds}` : `--schedule '${values.schedule}'`
  const again = `npm run prove -- local-cluster --seed ${seed} ${how}${only}`
  process.stdout.write(`\nseed ${seed}; again: ${again}\n`)
  for (const line of remarks) process.stdout.write(`${line}\n`)
  return areKept ? 0 : 1
}

function wordFor({ contradictions, tooLittle }: Judgement): string {
  if (contradictions.length > 0) return 'CONTRADICTED'
  return tooLittle === undefined ? 'holds' : 'TOO LITTLE'
}

function rowOf(setting: Setting, judgement: Judgement, faults: number): string[] {
  const { claim, history, linearizable, broken } = judgement
  const unknown = history.operations.filter(({ status }) => status === 'unknown').length
  return [
    setting.name,
    claim.reads.join(', '),
    String(history.operations.length),
    String(unknown),
    String(faults),
    linearizable.verdict,
    broken.length === 0 ? '–' : broken.join(', '),
    wordFor(judgement),
  ]
}

/** The broken guarantee of a session is easier to see than that there is no order of all operations. */
async function draw(folder: string, setting: Setting, judgement: Judgement): Promise<void> {
  const { claim, history, linearizable, sessions } = judgement
  await mkdir(folder, { recursive: true })
  const name = `${setting.name} ${claim.reads.join(' ')}`.replaceAll(/[^\w]+/g, '-')
  const result = sessions.verdict === 'violated' ? sessions : linearizable
  await writeFile(path.join(folder, `${name}.html`), renderTimeline(history, result))
  await writeFile(path.join(folder, `${name}.json`), serializeHistory(history))
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof TypeError ? 2 : 1
}
