import { parseArgs } from 'node:util'
import type { Decision } from '../machine.ts'

/** The command line makes no sense. */
export class UsageError extends Error {
  constructor(message: string) {
    super(`${message}; see --help`)
    this.name = 'UsageError'
  }
}

/** What is asked for. */
export type Command =
  | { readonly type: 'help' | 'version' | 'status' | 'recover' }
  | {
      readonly type: 'resolve'
      readonly id: string
      readonly decision: Decision
      readonly force: boolean
      readonly note: string | undefined
    }

/** The command line, checked. */
export interface Arguments {
  readonly command: Command
  /** URLs by name. */
  readonly participants: ReadonlyMap<string, string>
  readonly log: { readonly participant: string } | { readonly url: string }
  readonly schema: string | undefined
  readonly timeoutMs: number | undefined
  readonly json: boolean
}

const OPTIONS = {
  participant: { type: 'string', short: 'p', multiple: true },
  log: { type: 'string', short: 'l' },
  'log-url': { type: 'string' },
  schema: { type: 'string' },
  'timeout-ms': { type: 'string' },
  force: { type: 'boolean' },
  note: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

export const HELP = `two-phase-commit status|recover|resolve ID commit|abort [options]

  status              lists what is prepared or on record
  recover             ends what crashes have left, as a coordinator does from time to time
  resolve ID DECISION decides by hand, and notes it. Recovery needs no such help while the log can be asked

  -p, --participant NAME=URL   a database; give all of them, by the names the service uses
  -l, --log NAME               the participant that keeps the decisions, or
      --log-url URL            the server that does
      --schema NAME            of the log (default quorate)
      --force                  resolve against the record, or commit without one: you have mended the data yourself
      --note TEXT              why, kept with the decision
      --timeout-ms N           default 5000
      --json                   prints JSON
  -h, --help
      --version

A URL may be env:NAME, to be read from the environment and not seen in the list of processes.

Exit code: 0 done, and nothing is prepared; 1 something is prepared or could not be ended; 64 the arguments are wrong;
69 a server does not answer, or it was refused.
`

/** @throws UsageError. */
export function argumentsOf(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Arguments {
  const { values, positionals } = parsed(argv)
  const urlOf = (text: string): string => {
    // Without a URL the driver would go to whatever server is its default.
    if (text === '') throw new UsageError('a URL must not be empty')
    const url = text.startsWith('env:') ? env[text.slice(4)] : text
    if (url === undefined || url === '')
      throw new UsageError(`${text.slice(4)} is not set in the environment`)
    // The driver takes anything for the name of a host. Not shown, since a password may be in it.
    if (!URL_START.test(url))
      throw new UsageError(
        'a URL must begin with postgres://, or be env:NAME to be read from the environment',
      )
    return url
  }
  const simple = values.help === true ? 'help' : values.version === true ? 'version' : undefined
  if (simple !== undefined) return { ...NOTHING, command: { type: simple } }
  // First of all, so that who asks for nothing hears what there is.
  const command = commandOf(positionals, values.force === true, values.note)
  const participants = new Map<string, string>()
  for (const text of values.participant ?? []) {
    const at = text.indexOf('=')
    if (at < 1) throw new UsageError(`--participant must be NAME=URL, not ${JSON.stringify(text)}`)
    const name = text.slice(0, at)
    if (participants.has(name)) throw new UsageError(`--participant ${name} is there twice`)
    participants.set(name, urlOf(text.slice(at + 1)))
  }
  const { log: name, 'log-url': url } = values
  if ((name === undefined) === (url === undefined))
    throw new UsageError('say where decisions are: --log NAME or --log-url URL')
  if (participants.size < 2) throw new UsageError('name all participants, at least two')
  return {
    command,
    participants,
    log: name === undefined ? { url: urlOf(url ?? '') } : { participant: name },
    schema: values.schema,
    timeoutMs: values['timeout-ms'] === undefined ? undefined : positive(values['timeout-ms']),
    json: values.json === true,
  }
}

/** What the driver understands, paths of sockets included. */
const URL_START = /^(?:postgres(?:ql)?:\/\/|socket:|\/)/

const NOTHING: Omit<Arguments, 'command'> = {
  participants: new Map(),
  log: { url: '' },
  schema: undefined,
  timeoutMs: undefined,
  json: false,
}

function commandOf(positionals: readonly string[], force: boolean, note: string | undefined): Command {
  const [type, id, decision, ...more] = positionals
  if (type === 'status' || type === 'recover') {
    if (id !== undefined) throw new UsageError(`${type} takes no ${JSON.stringify(id)}`)
    return { type }
  }
  if (type !== 'resolve')
    throw new UsageError(`the command must be status, recover or resolve, not ${JSON.stringify(type ?? '')}`)
  if (id === undefined || more.length > 0 || (decision !== 'commit' && decision !== 'abort'))
    throw new UsageError('resolve takes the ID of a transaction, and commit or abort')
  return { type, id, decision, force, note }
}

function parsed(
  argv: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`--timeout-ms must be a number above 0, not ${JSON.stringify(text)}`)
  return value
}
