import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { HistoryContentError, HistoryFormatError } from '../errors.ts'
import { parseHistory } from '../formats/index.ts'
import type { History } from '../history.ts'
import type { CheckResult } from '../result.ts'
import { systemMonotonic } from '../system-clock.ts'
import { renderTimeline } from '../timeline/index.ts'
import { type Arguments, argumentsOf, UsageError } from './arguments.ts'
import { checkOf, type Check } from './checks.ts'
import { guessModel } from './guess-model.ts'
import { HELP } from './help.ts'
import { readInput } from './input.ts'
import { jsonReport } from './json-report.ts'
import { textReport } from './text-report.ts'
import { clean, type Paint, paintFor } from './words.ts'

/** What the program needs of the world. */
export interface Io {
  readonly stdout: Output
  readonly stderr: Output
  readonly stdin: AsyncIterable<Uint8Array | string>
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
}

/** Exit codes, and what they say. */
export const EXIT = { ok: 0, violated: 1, unknown: 2, badInput: 64, bug: 70 } as const

/** The `checker` program: reads a history, checks it, says what it found. Resolves to the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await run(argv, io)
  } catch (error) {
    return explain(error, io)
  }
}

async function run(argv: readonly string[], io: Io): Promise<number> {
  const options = argumentsOf(argv)
  if (options.help || options.version) {
    io.stdout.write(options.help ? HELP : `${manifest.version}\n`)
    return EXIT.ok
  }
  if (options.html !== undefined && resolve(options.html) === resolve(options.file))
    throw new UsageError('--html would overwrite the history; name another file')
  const bytes = await readInput(options.file, io.stdin, options.maxBytes)
  const { model, ...parsing } = { model: options.model, format: options.format, maxBytes: options.maxBytes }
  const name = options.file === '-' ? 'stdin' : options.file
  const parsed = parseHistory(bytes, { ...parsing, file: name, model: parserModel(model) })
  const history: History =
    options.initial === undefined ? parsed : { ...parsed, initial: options.initial.value }
  const check = checkOf(model ?? guessModel(history), options.level)
  const beganMs = systemMonotonic()
  const result = check.run(history, {
    level: check.level,
    assume: options.assume,
    ...(options.budgetMs === undefined ? {} : { maxTimeMs: options.budgetMs }),
  })
  const tookMs = systemMonotonic() - beganMs
  return report({ options, io, history, check, result, tookMs })
}

interface Finished {
  readonly options: Arguments
  readonly io: Io
  readonly history: History
  readonly check: Check
  readonly result: CheckResult
  readonly tookMs: number
}

async function report({ options, io, history, check, result, tookMs }: Finished): Promise<number> {
  const unwritten = options.html === undefined ? undefined : await written(options.html, history, result)
  const html = unwritten === undefined ? options.html : undefined
  const facts = { history, result, check, tookMs, html, guessed: options.model === undefined }
  io.stdout.write(options.json ? jsonReport(facts) : textReport(facts, paint(io.stdout, io)))
  if (unwritten !== undefined) throw unwritten
  return EXIT[result.verdict]
}

/** Draws the picture; returns why it could not be written. */
async function written(file: string, history: History, result: CheckResult): Promise<UsageError | undefined> {
  const page = renderTimeline(history, result)
  try {
    await writeFile(file, page)
    return undefined
  } catch (error) {
    return new UsageError(`Cannot write ${file}: ${(error as Error).message}`)
  }
}

/** Which conventions of EDN apply; only the name of the model counts. */
function parserModel(model: string | undefined): string | undefined {
  return model === undefined ? undefined : checkOf(model).name
}

/** Bad input in one line; a bug of ours with all we know. */
function explain(error: unknown, io: Io): number {
  const { red } = paint(io.stderr, io)
  const isBadInput =
    error instanceof UsageError || error instanceof HistoryFormatError || error instanceof HistoryContentError
  if (isBadInput) {
    io.stderr.write(`${red('checker:')} ${error.message.split('\n').map(clean).join('\n')}\n`)
    if (error instanceof UsageError && error.hint) io.stderr.write('Try checker --help\n')
    return EXIT.badInput
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  io.stderr.write(`${red('checker:')} a bug in the checker, please report it:\n${text}\n`)
  return EXIT.bug
}

function paint(output: Output, { env }: Io): Paint {
  const wanted = output.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  return paintFor(wanted)
}
