export interface TestOptions {
  readonly only: readonly string[]
  readonly cheap: boolean
  readonly keepGoing: boolean
}

export type TestCommand =
  | { readonly type: 'run'; readonly options: TestOptions }
  | { readonly type: 'list' }
  | { readonly type: 'help' }

/** A command line that makes no sense; the message says what would. */
export class UsageError extends Error {}

export const HELP = `npm test -- [OPTIONS]

Runs every check and test, side by side where that is faster, and ends with
N passed, N failed, N skipped. Reports and logs stay in .reports/.

  --only STEP     only this step and what it needs; may be repeated
  --cheap         all but the costly steps (= pnpm ok)
  --keep-going    run the costly steps even if a cheap one has failed (the default if CI is set)
  --list          the steps, and what each one proves
  --help          this text

Exit code 0: all passed. 1: something failed. 2: not started, the line says what to do.`

/**
 * @param names the steps that there are
 * @throws UsageError
 */
export function parseOptions(args: readonly string[], names: readonly string[], ci: boolean): TestCommand {
  const only: string[] = []
  let cheap = false
  let keepGoing = ci
  for (let index = 0; index < args.length; index++) {
    const [option = '', inline] = (args[index] ?? '').split('=', 2)
    switch (option) {
      case '--help':
      case '-h':
        return { type: 'help' }
      case '--list':
        return { type: 'list' }
      case '--cheap':
        cheap = true
        break
      case '--keep-going':
        keepGoing = true
        break
      case '--only': {
        const name = inline ?? args[++index]
        if (name === undefined || !names.includes(name)) {
          throw new UsageError(`Unknown step ${name ?? '(none given)'}; use one of ${names.join(', ')}`)
        }
        only.push(name)
        break
      }
      default:
        throw new UsageError(`Unknown option ${option}; npm test -- --help lists all`)
    }
  }
  return { type: 'run', options: { only, cheap, keepGoing } }
}
