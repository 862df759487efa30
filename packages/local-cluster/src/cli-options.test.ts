import { describe, expect, it } from 'vitest'
import { parseCommandLine, UsageError } from './cli-options.ts'

describe('parseCommandLine()', () => {
  it('reads groups with their databases, ports and settings', () => {
    const groups = [
      '--postgres',
      'orders:2',
      '--redis',
      'cart',
      '--database',
      'orders/shop',
      '--port',
      'cart=7000',
    ]
    const args = [
      ...groups,
      '--set',
      'orders.max_connections=100',
      '--data-dir',
      'my data',
      '--fsync',
      '--json',
    ]
    expect(parseCommandLine(args)).toEqual({
      type: 'start',
      json: true,
      options: {
        postgres: { orders: { replicas: 2, databases: ['shop'], settings: { max_connections: '100' } } },
        redis: { cart: { replicas: 0, port: 7_000, settings: {} } },
        dataDir: 'my data',
        fsync: true,
      },
    })
  })

  it('shows help before it looks at anything else', () => {
    expect(parseCommandLine(['-h', '--postgres', ':::'])).toEqual({ type: 'help' })
  })

  it.each([
    [[], /Nothing to start/],
    [['--postgress', 'a'], /Unknown option '--postgress'; --help lists what there is/],
    [['orders'], /Unexpected argument 'orders'/],
    [['--postgres', 'orders:two'], /must be NAME or NAME:REPLICAS/],
    [['--postgres', ':2'], /must be NAME or NAME:REPLICAS/],
    [['--redis', 'a', '--redis', 'a:1'], /--redis a: named twice/],
    [['--redis', 'a', '--port', 'b=1'], /--port b: there is no such server/],
    [['--redis', 'a', '--postgres', 'a', '--port', 'a=1'], /a Postgres and a Redis have that name/],
    [['--redis', 'a', '--port', 'a=x'], /the port must be a number/],
    [['--postgres', 'a', '--database', 'a'], /must be NAME\/DATABASE/],
    [['--redis', 'a', '--set', 'a.save'], /must be NAME.SETTING=VALUE/],
  ])('refuses %j', (args, message) => {
    expect(() => parseCommandLine(args)).toThrow(UsageError)
    expect(() => parseCommandLine(args)).toThrow(message)
  })
})
