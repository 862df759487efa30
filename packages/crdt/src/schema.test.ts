import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { checkIsSchema, checkValue, type StandardSchema } from './schema.ts'
import { ownValue } from './value-intake.ts'

const inputOf = <T>(schema: StandardSchema<T>): T => schema as unknown as T

describe('a schema of zod', () => {
  const address = z.object({ street: z.string().min(1), no: z.int().optional() })

  test('lets through what it allows', () => {
    expect(() =>
      checkValue('lww-register', address, ownValue({ street: 'Main St', no: 1 }), true),
    ).not.toThrow()
    expect(() => checkValue('lww-register', undefined, ownValue(1), true)).not.toThrow()
  })

  test('refuses the rest with its issues', () => {
    expect(() => checkValue('lww-register', address, ownValue({ street: '', no: 1.5 }), true)).toThrow(
      expect.objectContaining({
        name: 'InvalidValueError',
        code: 'QUORATE_CRDT_INVALID_VALUE',
        type: 'lww-register',
        issues: [expect.objectContaining({ path: ['street'] }), expect.objectContaining({ path: ['no'] })],
      }),
    )
  })

  test('that answers later is refused', () => {
    const later = z.string().refine(() => Promise.resolve(true))
    expect(() => checkValue('mv-register', later, ownValue('x'), true)).toThrow(TypeError)
  })

  test('names the type of the values', () => {
    expectTypeOf(inputOf(address)).toEqualTypeOf<{ street: string; no?: number | undefined }>()
    expectTypeOf(inputOf(z.bigint())).toEqualTypeOf<bigint>()
  })
})

test('what a schema does to the value it gets changes nothing here', () => {
  const greedy: StandardSchema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        ;(value as Uint8Array).fill(0)
        return { value }
      },
    },
  }
  const own = ownValue(Uint8Array.of(1, 2))
  checkValue('lww-register', greedy, own, true)
  expect(own).toEqual(Uint8Array.of(1, 2))
})

test('a schema that fails later is refused at once, and is no unhandled rejection', async () => {
  const later: StandardSchema = {
    '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new Error('too late')) },
  }
  expect(() => checkValue('mv-register', later, ownValue('x'), true)).toThrow(TypeError)
  await Promise.resolve()
})

test('what is no schema is refused', () => {
  expect(() => checkIsSchema({} as StandardSchema)).toThrow(TypeError)
  expect(() => checkIsSchema(null as unknown as StandardSchema)).toThrow(TypeError)
  expect(() => checkIsSchema(undefined)).not.toThrow()
})
