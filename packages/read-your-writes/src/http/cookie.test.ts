import { expect, test } from 'vitest'
import { cookieText, cookieValues } from './cookie.ts'
import { readYourWrites } from '../index.ts'
import { readYourWritesExpress } from '../express/index.ts'

test('cookieText() is HttpOnly, and Secure when the request was', () => {
  expect(cookieText({}, 't', false)).toBe('quorate-session=t; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax')
  expect(cookieText({ name: 'n', domain: 'd', sameSite: 'none' }, 't', true)).toBe(
    'n=t; Path=/; Max-Age=86400; HttpOnly; Domain=d; SameSite=None; Secure',
  )
})

test('cookieValues() finds its cookie among others, also twice', () => {
  expect(cookieValues('a=1; quorate-session="t"; x-quorate-session=no', {})).toEqual(['t'])
  expect(cookieValues('quorate-session=old; quorate-session=new', {})).toEqual(['old', 'new'])
  expect(cookieValues('xquorate-session=no', {})).toEqual([])
  expect(cookieValues(undefined, {})).toEqual([])
})

test('options that make no sense are refused when the router is made', async () => {
  const connect = (): Promise<never> => Promise.reject(new Error('no server'))
  const options = { primary: { connect }, replicas: [], secret: 'a secret that only tests know' }
  expect(() => readYourWrites({ ...options, waitMs: -1 })).toThrow(RangeError)
  expect(() => readYourWrites({ ...options, probeIntervalMs: 0 })).toThrow(RangeError)
  expect(() => readYourWrites({ ...options, level: 'most' as 'strong' })).toThrow(TypeError)
  expect(() => readYourWrites({ ...options, secret: 'short' })).toThrow(RangeError)
  await using db = readYourWrites(options)
  expect(() => readYourWritesExpress(db, { cookie: false, header: false })).toThrow(TypeError)
  await db.stop()
  await expect(db.read(async () => 1)).rejects.toMatchObject({ code: 'QUORATE_RYW_STOPPED' })
})
