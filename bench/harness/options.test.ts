import { expect, test } from 'vitest'
import { parseCommand, UsageError } from './options.ts'

const names = ['core', 'saga']

test('parseCommand() reads a bench and its rounds', () => {
  expect(parseCommand(['core'], names)).toEqual({ type: 'run', name: 'core', rounds: 5 })
  expect(parseCommand(['--rounds', '3', 'saga'], names)).toEqual({ type: 'run', name: 'saga', rounds: 3 })
  expect(parseCommand(['saga', '--rounds=11'], names)).toEqual({ type: 'run', name: 'saga', rounds: 11 })
})

test('parseCommand() lists without arguments or with --list, and helps', () => {
  expect(parseCommand([], names)).toEqual({ type: 'list' })
  expect(parseCommand(['--list'], names)).toEqual({ type: 'list' })
  expect(parseCommand(['core', '--help'], names)).toEqual({ type: 'help' })
})

test.each([
  [['nope'], 'Unknown bench nope; there are: core, saga'],
  [['core', '--fast'], 'Unknown option --fast; see npm run bench -- --help'],
  [['core', 'saga'], 'One bench at a time: got core and saga'],
  [['core', '--rounds', '0'], '--rounds must be a whole number from 1 to 1000, got 0'],
  [['core', '--rounds'], '--rounds must be a whole number from 1 to 1000, got nothing'],
  [['--rounds', '3'], 'No bench named; there are: core, saga'],
])('parseCommand() answers %o in one line', (args, message) => {
  expect(() => parseCommand(args, names)).toThrow(new UsageError(message))
})
