import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { FAULTS, type FaultName } from '../replay/fault.ts'
import { UsageError } from './usage-error.ts'

export interface CliOptions {
  readonly help: boolean
  readonly once: boolean
  readonly orders: string | undefined
  readonly times: number
  readonly concurrency: number
  readonly report: string | undefined
  readonly resume: boolean
  readonly port: number | undefined
  readonly state: string | undefined
  readonly log: string | undefined
  readonly fault: FaultName | undefined
}

export const HELP = `ShopFleet: six services on real databases, wired with the Quorate packages.

  npm start                          bring everything up, tell a short story, serve the storefront
  npm start -- --once                the same, but end after the story
  npm start -- --orders FILE --once  replay real orders through the public API and prove nothing was lost

Options
  --once             end when the story or the replay is over (default: stay up until Ctrl-C)
  --orders FILE      replay this CSV of orders instead of the story; columns InvoiceNo, StockCode,
                     Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country
  --times N          replay the file N times over (default 1)
  --concurrency C    customers who shop at the same time (default 16)
  --fault NAME       break something when half of the replay is done: payments-primary kills the primary of the
                     payments database (SIGKILL) and promotes its synchronous standby
  --report OUT.json  write the closing report there as JSON
  --resume           go on with the replay that was cut off last (file, times and databases as they were)
  --state DIR        keep a replay's databases and journal there (default: the temporary folder)
  --port P           port of the storefront and the API (default: any free one)
  --log FILE         write the services' logs there, a JSON object a line
  --help             this text

Exit code 0: done. 1: an invariant does not hold, or something failed. 2: not started, the line says what to do.`

/**
 * @param from the folder that relative paths start at: the caller's, which npm hands on, because it runs
 *   scripts in the package's own.
 * @throws UsageError for an unknown option or a value out of range.
 */
export function parseOptions(
  args: readonly string[],
  from: string = process.env['INIT_CWD'] ?? process.cwd(),
): CliOptions {
  const { values } = parse(args)
  const path = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : resolve(from, value)
  const options: CliOptions = {
    help: values.help ?? false,
    once: values.once ?? false,
    orders: path(values.orders),
    times: wholeNumber('times', values.times, 1, 10_000) ?? 1,
    concurrency: wholeNumber('concurrency', values.concurrency, 1, 500) ?? 16,
    report: path(values.report),
    resume: values.resume ?? false,
    port: wholeNumber('port', values.port, 1, 65_535),
    state: path(values.state),
    log: path(values.log),
    fault: faultOf(values.fault),
  }
  if (options.orders === undefined && !options.resume) {
    for (const name of ['times', 'concurrency', 'fault', 'report', 'state'] as const) {
      if (values[name] !== undefined)
        throw new UsageError(`Option --${name} is for a replay: add --orders FILE or --resume`)
    }
  }
  if (options.resume && values.times !== undefined) {
    throw new UsageError(
      'Option --times cannot change with --resume: the replay goes on as it was begun; leave --times out',
    )
  }
  if (options.resume && options.fault !== undefined) {
    throw new UsageError('Option --fault is for a replay from its start; leave --resume or --fault out')
  }
  return options
}

function faultOf(text: string | undefined): FaultName | undefined {
  const fault = FAULTS.find((name) => name === text)
  if (text !== undefined && fault === undefined)
    throw new UsageError(`Option --fault must be ${FAULTS.join(' or ')}, got ${text}`)
  return fault
}

function parse(args: readonly string[]): { values: RawValues } {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        help: { type: 'boolean', short: 'h' },
        once: { type: 'boolean' },
        orders: { type: 'string' },
        times: { type: 'string' },
        concurrency: { type: 'string' },
        report: { type: 'string' },
        resume: { type: 'boolean' },
        port: { type: 'string' },
        state: { type: 'string' },
        log: { type: 'string' },
        fault: { type: 'string' },
      },
    })
  } catch (error) {
    const [first = ''] = (error as Error).message.split(/\.\s/)
    throw new UsageError(`${first}; npm start -- --help lists all options`, { cause: error })
  }
}

interface RawValues {
  help?: boolean | undefined
  once?: boolean | undefined
  orders?: string | undefined
  times?: string | undefined
  concurrency?: string | undefined
  report?: string | undefined
  resume?: boolean | undefined
  port?: string | undefined
  state?: string | undefined
  log?: string | undefined
  fault?: string | undefined
}

function wholeNumber(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) {
    throw new UsageError(`Option --${name} must be a whole number from ${min} to ${max}, got ${text}`)
  }
  return value
}
