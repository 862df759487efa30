import { expect, test } from 'vitest'
import { argumentsOf, UsageError } from './arguments.ts'

const both = ['-p', 'payments=postgres://a/x?y=1', '-p', 'orders=env:ORDERS', '--log', 'payments']
const env = { ORDERS: 'postgres://b', WRONG: 'b' }

test('participants, the log and the command are read', () => {
  const { command, participants, log, json } = argumentsOf(['status', ...both, '--json'], env)
  expect(command).toEqual({ type: 'status' })
  expect([...participants]).toEqual([
    ['payments', 'postgres://a/x?y=1'],
    ['orders', 'postgres://b'],
  ])
  expect([log, json]).toEqual([{ participant: 'payments' }, true])
  const separate = argumentsOf(
    ['resolve', 'a.1.2', 'abort', ...both.slice(0, 4), '--log-url', 'env:ORDERS', '--force', '--note', 'why'],
    env,
  )
  expect(separate.log).toEqual({ url: 'postgres://b' })
  expect(separate.command).toEqual({
    type: 'resolve',
    id: 'a.1.2',
    decision: 'abort',
    force: true,
    note: 'why',
  })
  expect(argumentsOf(['--help'], env).command).toEqual({ type: 'help' })
})

test.each([['postgresql://b/x'], ['/var/run/postgresql orders'], ['socket:/tmp?db=orders']])(
  '%s is a URL',
  (url) => {
    const { participants } = argumentsOf(
      ['status', '-p', `a=${url}`, '-p', 'b=env:ORDERS', '--log', 'a'],
      env,
    )
    expect(participants.get('a')).toBe(url)
  },
)

test.each([
  [['nonsense', ...both], /must be status, recover or resolve, not "nonsense"/],
  [[...both], /not ""/],
  [[], /must be status, recover or resolve, not ""/],
  [['status', 'x', ...both], /status takes no "x"/],
  [['resolve', 'a.1.2', 'maybe', ...both], /commit or abort/],
  [['status', ...both.slice(0, 4)], /where decisions are/],
  [['status', ...both, '--log-url', 'x'], /where decisions are/],
  [['status', '-p', 'a=postgres://b', '--log', 'a'], /at least two/],
  [['status', '-p', 'payments', '--log', 'a'], /NAME=URL, not "payments"/],
  [['status', '-p', 'a=env:NOPE', '--log', 'a'], /NOPE is not set/],
  [['status', '-p', 'a=', '--log', 'a'], /a URL must not be empty/],
  [['status', '-p', 'a=env:', '--log', 'a'], /is not set/],
  [['status', '-p', 'a=ORDERS', '--log', 'a'], /begin with postgres:\/\/, or be env:NAME/],
  [['status', '-p', 'a=postgre://ann:secret@b', '--log', 'a'], /^(?!.*secret).*begin with postgres:\/\//],
  [['status', ...both.slice(0, 4), '--log-url', 'b'], /begin with postgres:\/\//],
  [['status', '-p', 'a=env:WRONG', '--log', 'a'], /begin with postgres:\/\//],
  [['status', ...both, '-p', 'orders=postgres://c'], /--participant orders is there twice/],
  [['status', ...both, '--timeout-ms', '0'], /above 0, not "0"/],
  [['status', ...both, '--frobnicate'], /frobnicate/],
])('%j is refused', (argv, message) => {
  expect(() => argumentsOf(argv, env)).toThrow(UsageError)
  expect(() => argumentsOf(argv, env)).toThrow(message)
})
