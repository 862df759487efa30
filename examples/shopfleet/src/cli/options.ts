import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { FAULT_NAMES, type FaultName } from '../replay/fault.ts'
import { OVERSELLING, type Overselling } from '../services/inventory/overselling.ts'
import { UsageError } from './usage-error.ts'

export interface CliOptions {
  readonly help: boolean
  readonly once: boolean
  readonly overselling: Overselling | undefined
  readonly compareOverselling: boolean
  readonly units: number
  readonly customers: number
  readonly seconds: number
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
  npm start -- --compare-overselling the answers to overselling side by side: a table and a chart

Options
  --once             end when the story or the replay is over (default: stay up until Ctrl-C)
  --orders FILE      replay this CSV of orders instead of the story; columns InvoiceNo, StockCode,
                     Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country
  --times N          replay the file N times over (default 1)
  --concurrency C    customers who shop at the same time (default 16)
  --fault NAME       break something when half of the replay is done: payments-primary, orders-primary,
                     inventory-primary, profiles-primary or cart-primary kills the primary of that database (SIGKILL);
                     3 s later a standby is promoted
  --report OUT       write the closing report there as JSON; of a comparison, the chart if OUT ends in .svg
  --resume           go on with the replay that was cut off last (file, times and databases as they were)
  --state DIR        keep a replay's databases and journal there (default: the temporary folder)
  --port P           port of the storefront and the API (default: any free one)
  --log FILE         write the services' logs there, a JSON object a line
  --overselling HOW  what keeps inventory from selling a unit twice: lock, optimistic, batch or compensate
                     (default optimistic)
  --compare-overselling
                     all of them, and what goes wrong without one; needs only the inventory service
  --units N          of the hot item, in the comparison (default 47)
  --customers N      who want one (default 40 for each unit); --concurrency of them at a time (default 64)
  --seconds S        how long each answer then sells from a full shelf (default 3)
  --help             this text

Exit code 0: done. 1: an invariant does not hold, an answer did not sell exactly what was there, or something
failed. 2: not started, the line says what to do.`

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
  const isComparison = values['compare-overselling'] ?? false
  const units = wholeNumber('units', values.units, 1, 10_000) ?? 47
  const path = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : resolve(from, value)
  const options: CliOptions = {
    help: values.help ?? false,
    once: values.once ?? false,
    orders: path(values.orders),
    times: wholeNumber('times', values.times, 1, 10_000) ?? 1,
    concurrency:
      wholeNumber('concurrency', values.concurrency, 1, 500) ?? (isComparison ? COMPARED_AT_ONCE : 16),
    report: path(values.report),
    resume: values.resume ?? false,
    port: wholeNumber('port', values.port, 1, 65_535),
    state: path(values.state),
    log: path(values.log),
    fault: faultOf(values.fault),
    overselling: oversellingOf(values.overselling),
    compareOverselling: isComparison,
    units,
    customers: wholeNumber('customers', values.customers, 1, 100_000) ?? units * CUSTOMERS_PER_UNIT,
    seconds: wholeNumber('seconds', values.seconds, 1, 600) ?? 3,
  }
  checkComparison(values)
  if (options.orders === undefined && !options.resume && !isComparison) {
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
  const fault = FAULT_NAMES.find((name) => name === text)
  if (text !== undefined && fault === undefined)
    throw new UsageError(`Option --fault must be one of ${FAULT_NAMES.join(', ')}, got ${text}`)
  return fault
}

/** The Black Friday of a shop that has 47 of what everybody wants. */
const CUSTOMERS_PER_UNIT = 40
const COMPARED_AT_ONCE = 64

function oversellingOf(text: string | undefined): Overselling | undefined {
  const overselling = OVERSELLING.find((name) => name === text)
  if (text !== undefined && overselling === undefined)
    throw new UsageError(`Option --overselling must be one of ${OVERSELLING.join(', ')}, got ${text}`)
  return overselling
}

/** A comparison is a run of its own, without the rest of the shop. */
function checkComparison(values: RawValues): void {
  if (values['compare-overselling'] === true) {
    for (const name of [
      'orders',
      'times',
      'resume',
      'fault',
      'state',
      'port',
      'log',
      'overselling',
    ] as const) {
      if (values[name] !== undefined)
        throw new UsageError(`Option --${name} is not for --compare-overselling; leave one of them out`)
    }
    return
  }
  for (const name of ['units', 'customers', 'seconds'] as const) {
    if (values[name] !== undefined)
      throw new UsageError(`Option --${name} is for a comparison: add --compare-overselling`)
  }
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
        overselling: { type: 'string' },
        'compare-overselling': { type: 'boolean' },
        units: { type: 'string' },
        customers: { type: 'string' },
        seconds: { type: 'string' },
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
  overselling?: string | undefined
  'compare-overselling'?: boolean | undefined
  units?: string | undefined
  customers?: string | undefined
  seconds?: string | undefined
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
