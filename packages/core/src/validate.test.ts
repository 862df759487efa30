import { expect, test } from 'vitest'
import { checkNames } from './index.ts'

const known = ['ttlMs', 'waitMs']

test('checkNames() names the option that is misspelt, and those there are', () => {
  const check = (): void => checkNames('acquire lock a', { ttlMs: 1, waitms: 2 }, known)
  expect(check).toThrow(TypeError)
  expect(check).toThrow(/^Cannot acquire lock a: unknown option waitms; known are ttlMs, waitMs$/)
  expect(() => checkNames('route reads', { ID: 1 }, ['id'], ' of a replica')).toThrow(
    /unknown option ID of a replica; known are id$/,
  )
})

test('checkNames() takes what is known, also if it is undefined, and nothing', () => {
  expect(() => checkNames('read', { waitMs: undefined, ttlMs: 1 }, known)).not.toThrow()
  expect(() => checkNames('read', {}, known)).not.toThrow()
})

test('checkNames() refuses an unknown option that is undefined: its name is wrong all the same', () => {
  expect(() => checkNames('read', { waitms: undefined }, known)).toThrow(/unknown option waitms/)
})

test('checkNames() leaves alone what options inherit, for example from a class of settings', () => {
  const inherited = Object.assign(Object.create({ describe: () => 'settings' }) as object, { ttlMs: 1 })
  expect(() => checkNames('read', inherited, known)).not.toThrow()
})

test.each([undefined, null, 5, 'waitMs'])('checkNames() refuses %s in place of options', (wrong) => {
  expect(() => checkNames('read', wrong as never, known)).toThrow(
    new TypeError(`Cannot read: options must be an object, got ${String(wrong)}`),
  )
})
