import { expect, test } from 'vitest'
import { HELP, parseOptions } from './options.ts'
import { UsageError } from './usage-error.ts'

test('parseOptions() reads a replay', () => {
  const options = parseOptions(
    ['--orders', 'a.csv', '--once', '--times', '3', '--concurrency', '32', '--report', 'out.json'],
    '/',
  )
  expect(options).toMatchObject({
    orders: '/a.csv',
    once: true,
    times: 3,
    concurrency: 32,
    report: '/out.json',
    resume: false,
  })
})

test('parseOptions() takes relative paths from where the caller is', () => {
  const { orders, report, state, log } = parseOptions(
    ['--orders', '../a.csv', '--report', 'out.json', '--state', 's', '--log', '/l'],
    '/home/ann/shop',
  )
  expect({ orders, report, state, log }).toEqual({
    orders: '/home/ann/a.csv',
    report: '/home/ann/shop/out.json',
    state: '/home/ann/shop/s',
    log: '/l',
  })
})

test.each([
  [['--port', '-1'], /--port' argument is ambiguous/],
  [['--order', 'a.csv'], /Unknown option '--order'/],
  [['a.csv'], /Unexpected argument 'a.csv'/],
  [['--orders'], /--orders.*argument missing/],
  [['--orders', 'a.csv', '--times', '0'], /--times must be a whole number from 1/],
  [['--orders', 'a.csv', '--times', '1e3'], /--times must be a whole number/],
  [['--port', '70000'], /--port must be a whole number from 1 to 65535/],
  [['--report', 'x.json'], /--report is for a replay/],
  [['--fault', 'payments-primary'], /--fault is for a replay/],
  [
    ['--orders', 'a.csv', '--fault', 'moon'],
    /--fault must be one of payments-primary, orders-primary, .*, got moon/,
  ],
  [['--resume', '--fault', 'payments-primary'], /--fault is for a replay from its start/],
  [['--resume', '--times', '2'], /--times cannot change with --resume/],
  [['--overselling', 'hope'], /--overselling must be one of lock, optimistic, batch, compensate, got hope/],
  [['--units', '7'], /--units is for a comparison: add --compare-overselling/],
  [['--compare-overselling', '--orders', 'a.csv'], /--orders is not for --compare-overselling/],
  [['--compare-overselling', '--overselling', 'lock'], /--overselling is not for --compare-overselling/],
  [['--compare-overselling', '--seconds', '0'], /--seconds must be a whole number from 1/],
])('parseOptions(%o) is refused in one line', (args, message) => {
  expect(() => parseOptions(args)).toThrow(UsageError)
  expect(() => parseOptions(args)).toThrow(message)
  expect(() => parseOptions(args)).not.toThrow(/\n/)
})

test('parseOptions() reads a comparison: 40 customers for each unit, 64 at a time', () => {
  expect(parseOptions(['--compare-overselling'], '/')).toMatchObject({
    compareOverselling: true,
    units: 47,
    customers: 1_880,
    concurrency: 64,
    seconds: 3,
  })
  expect(
    parseOptions(['--compare-overselling', '--units', '5', '--concurrency', '9', '--report', 'a.svg'], '/'),
  ).toMatchObject({ units: 5, customers: 200, concurrency: 9, report: '/a.svg' })
})

test.each(['lock', 'optimistic', 'batch', 'compensate'] as const)(
  'parseOptions() takes --overselling %s, for a replay too',
  (overselling) => {
    expect(parseOptions(['--overselling', overselling], '/').overselling).toBe(overselling)
    expect(parseOptions(['--orders', 'a.csv', '--overselling', overselling], '/')).toMatchObject({
      overselling,
      orders: '/a.csv',
    })
  },
)

test('--help names every option', () => {
  for (const name of [
    'once',
    'orders',
    'times',
    'concurrency',
    'fault',
    'report',
    'resume',
    'state',
    'port',
    'log',
    'overselling',
    'compare-overselling',
    'units',
    'customers',
    'seconds',
    'help',
  ]) {
    expect(HELP).toContain(`--${name}`)
  }
})
