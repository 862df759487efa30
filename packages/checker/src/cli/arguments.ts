import { parseArgs } from 'node:util'
import type { HistoryFormat } from '../formats/index.ts'

/** The command line makes no sense, or names a file that cannot be used. */
export class UsageError extends Error {
  /** Would `--help` help? */
  readonly hint: boolean

  constructor(message: string, hint = false) {
    super(message)
    this.name = 'UsageError'
    this.hint = hint
  }
}

/** The command line, checked. */
export interface Arguments {
  /** `-` is stdin. */
  readonly file: string
  readonly model: string | undefined
  readonly level: string | undefined
  readonly assume: readonly string[]
  readonly initial: { readonly value: unknown } | undefined
  readonly format: HistoryFormat | undefined
  readonly html: string | undefined
  readonly json: boolean
  readonly budgetMs: number | undefined
  readonly maxBytes: number
  readonly help: boolean
  readonly version: boolean
}

/** Names that people may know a format by. */
const FORMATS: Readonly<Record<string, HistoryFormat>> = {
  awdit: 'awdit',
  dbcop: 'dbcop',
  edn: 'edn',
  elle: 'json',
  'jepsen-log': 'jepsen-log',
  jepsen: 'edn',
  json: 'json',
  knossos: 'edn',
  kv: 'edn',
  log: 'jepsen-log',
  plume: 'plume',
  polysi: 'plume',
  porcupine: 'edn',
  quorate: 'quorate',
}

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024

export function argumentsOf(argv: readonly string[]): Arguments {
  const { values, positionals } = parsed(argv)
  const help = values.help === true
  const version = values.version === true
  const [file, ...more] = positionals
  if (!help && !version) {
    if (file === undefined) throw new UsageError('name a file with a history, or - for stdin', true)
    if (more.length > 0) throw new UsageError(`one file at a time, not ${positionals.join(', ')}`, true)
  }
  return {
    file: file ?? '',
    model: values.model,
    level: values.level,
    assume: (values.assume ?? []).flatMap((list) => list.split(',')).filter((one) => one !== ''),
    initial: values.init === undefined ? undefined : { value: valueOf(values.init) },
    format: values.format === undefined ? undefined : formatOf(values.format),
    html: values.html,
    json: values.json === true,
    budgetMs: values['budget-ms'] === undefined ? undefined : positive('--budget-ms', values['budget-ms']),
    maxBytes:
      values['max-bytes'] === undefined ? DEFAULT_MAX_BYTES : positive('--max-bytes', values['max-bytes']),
    help,
    version,
  }
}

const OPTIONS = {
  model: { type: 'string', short: 'm' },
  level: { type: 'string', short: 'l' },
  assume: { type: 'string', multiple: true },
  init: { type: 'string' },
  format: { type: 'string', short: 'f' },
  html: { type: 'string' },
  json: { type: 'boolean' },
  'budget-ms': { type: 'string' },
  'max-bytes': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

function parsed(
  argv: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message, true)
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`${name} must be a number above 0, not ${JSON.stringify(text)}`)
  return value
}

function formatOf(name: string): HistoryFormat {
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined
  if (format === undefined)
    throw new UsageError(`no format ${JSON.stringify(name)}; there are ${Object.keys(FORMATS).join(', ')}`)
  return format
}

/** `0`, `null` and `{"x":1}` are what they look like; anything else is a text. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
