/** A mistake of the person at the keyboard: one line, exit code 2. */
export class UsageError extends Error {}

/** What the command line asks for. */
export type Command =
  | { readonly type: 'help' }
  | { readonly type: 'list' }
  | { readonly type: 'run'; readonly name: string; readonly rounds: number }

const DEFAULT_ROUNDS = 5

/** The text of `--help`. */
export const HELP: string = `Usage: npm run bench -- NAME [--rounds N]

Runs bench/NAME against its rivals, prints a table and writes bench/results/NAME.json.

  --rounds N   rounds that count, after one warm-up round (default ${DEFAULT_ROUNDS})
  --list       the benches there are (also without arguments)
  --help       this text`

/**
 * Reads the command line.
 *
 * @param names the benches there are.
 * @throws UsageError for an unknown bench or option, or a value that is not what it should be.
 */
export function parseCommand(args: readonly string[], names: readonly string[]): Command {
  if (args.includes('--help') || args.includes('-h')) return { type: 'help' }
  if (args.length === 0 || args.includes('--list')) return { type: 'list' }
  let name: string | undefined
  let rounds = DEFAULT_ROUNDS
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? ''
    if (arg === '--rounds') rounds = parseRounds(args[++index])
    else if (arg.startsWith('--rounds=')) rounds = parseRounds(arg.slice('--rounds='.length))
    else if (arg.startsWith('-')) throw new UsageError(`Unknown option ${arg}; see npm run bench -- --help`)
    else if (name === undefined) name = arg
    else throw new UsageError(`One bench at a time: got ${name} and ${arg}`)
  }
  if (name === undefined) throw new UsageError(`No bench named; there are: ${names.join(', ')}`)
  if (!names.includes(name)) throw new UsageError(`Unknown bench ${name}; there are: ${names.join(', ')}`)
  return { type: 'run', name, rounds }
}

function parseRounds(text: string | undefined): number {
  const rounds = Number(text)
  if (text === undefined || text === '' || !Number.isInteger(rounds) || rounds < 1 || rounds > 1_000) {
    throw new UsageError(`--rounds must be a whole number from 1 to 1000, got ${text ?? 'nothing'}`)
  }
  return rounds
}
