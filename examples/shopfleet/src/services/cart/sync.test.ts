import { createCart, type Cart } from '@quorate/crdt/cart'
import { createOrSet } from '@quorate/crdt'
import { VersionVector } from '@quorate/vector-clock'
import { describe, expect, test } from 'vitest'
import { cartSyncBody } from '../../api.ts'
import { MAX_CART_BYTES } from '../../limits.ts'
import { answerOf, mergeHanded, readHanded } from './sync.ts'

const base64 = (source: Uint8Array | { encode(): Uint8Array }): string =>
  Buffer.from(source instanceof Uint8Array ? source : source.encode()).toString('base64')

function cartOf(replica: string, lines: Readonly<Record<string, number>>): Cart {
  const cart = createCart({ replica })
  for (const [sku, quantity] of Object.entries(lines)) cart.add(sku, quantity)
  return cart
}

const read = (body: unknown) => readHanded(cartSyncBody.parse(body))
const problem = (status: number, code: string) => expect.objectContaining({ status, code })

describe('readHanded() refuses', () => {
  const cart = cartOf('phone', { tv: 1 })
  const newer = cart.encode()
  newer[0] = Number(newer[0]) + 1
  const set = createOrSet({ replica: 'phone' })
  set.add('tv')
  const huge = cartOf(
    'phone',
    Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`sku-${i}-long`, 1])),
  )

  test.each([
    ['bytes of nothing', Uint8Array.of(), 'wrong-bytes'],
    ['cut off bytes', cart.encode().subarray(0, -1), 'wrong-bytes'],
    ['bytes with something behind', Uint8Array.of(...cart.encode(), 0), 'wrong-bytes'],
    ['a format of long ago', Uint8Array.of(0, ...cart.encode().subarray(1)), 'wrong-bytes'],
    ['a format to come', newer, 'newer-format'],
    ['a set', set.encode(), 'wrong-type'],
    ['a cart past all bounds', huge.encode(), 'too-large'],
    ['a product that cannot be', cartOf('phone', { [' tv']: 1 }).encode(), 'wrong-bytes'],
    [
      'a product with a name past the limit',
      cartOf('phone', { ['x'.repeat(41)]: 1 }).encode(),
      'wrong-bytes',
    ],
  ])('%s', (_what, bytes, code) => {
    for (const body of [{ delta: base64(bytes) }, { state: base64(bytes) }]) {
      expect(() => read(body)).toThrow(problem(400, code))
    }
  })

  test('a version that is none', () => {
    expect(() => read({ version: base64(cart), delta: base64(cart) })).toThrow(problem(400, 'wrong-bytes'))
  })

  test.each([[{}], [{ delta: base64(cart), state: base64(cart) }], [{ delta: '%%%' }], [{ delta: 5 }]])(
    'a body that does not say what it hands in: %j',
    (body) => {
      expect(() => read(body)).toThrow(expect.objectContaining({ name: 'ZodError' }))
    },
  )
})

test('a delta and a version are answered with what the device lacks, and no more', () => {
  const shop = cartOf('shop', { tea: 2 })
  const phone = cartOf('phone', { tv: 1 })
  const before = shop.version
  const handed = read({ replica: 'phone', version: base64(phone.version), delta: base64(phone) })
  expect(mergeHanded(shop, handed)).toBe(true)
  const answer = answerOf(shop, handed)
  expect(answer.items).toEqual([
    { sku: 'tea', quantity: 2 },
    { sku: 'tv', quantity: 1 },
  ])
  expect(Buffer.from(answer.delta, 'base64')).toEqual(Buffer.from(cartOf('shop', { tea: 2 }).encode()))
  expect(VersionVector.decode(Buffer.from(answer.version, 'base64')).compare(before)).toBe('after')
  expect(answer.state).toBeUndefined()

  phone.merge(Buffer.from(answer.delta, 'base64'))
  expect(phone.encode()).toEqual(shop.encode())
  const again = read({
    replica: 'phone',
    version: base64(phone.version),
    delta: base64(phone.deltaSince(shop.version)),
  })
  expect(mergeHanded(shop, again)).toBe(false)
  expect(phone.deltaSince(shop.version).isEmpty).toBe(true)
})

test('a device that hands in its whole state gets the whole', () => {
  const shop = cartOf('shop', { tea: 2 })
  const handed = read({ state: base64(cartOf('phone', { tv: 1 })) })
  mergeHanded(shop, handed)
  const { state = '', delta } = answerOf(shop, handed)
  expect([state, delta]).toEqual([base64(shop), base64(shop)])
})

describe('two writers under one name', () => {
  test('are told apart when one does not know what the shop has of the other', () => {
    const shop = cartOf('phone', { tv: 1, tea: 1 }).clone({ replica: 'shop' })
    const copy = cartOf('phone', { tv: 1 })
    const before = shop.encode()
    const handed = read({ replica: 'phone', version: base64(copy.version), delta: base64(copy) })
    expect(() => mergeHanded(shop, handed)).toThrow(
      expect.objectContaining({ status: 409, code: 'duplicate-device', details: { replica: 'phone' } }),
    )
    expect(shop.encode()).toEqual(before)
  })

  test('are told apart when both have made an edit of one number', () => {
    const shop = createCart({ replica: 'shop' })
    shop.merge(cartOf('phone', { tv: 1 }))
    const before = shop.encode()
    for (const other of [cartOf('phone', { lamp: 1 }), cartOf('phone', { tv: 2 })]) {
      const handed = read({ replica: 'phone', version: base64(other.version), delta: base64(other) })
      expect(() => mergeHanded(shop, handed)).toThrow(problem(409, 'duplicate-device'))
      expect(shop.encode()).toEqual(before)
    }
  })
})

test('a merge past the limits of an order is taken in, and said', () => {
  const shop = cartOf('shop', { tea: 60_000 })
  const handed = read({ state: base64(cartOf('phone', { tea: 60_000 })) })
  expect(mergeHanded(shop, handed)).toBe(true)
  const { items, overLimit } = answerOf(shop, handed)
  expect(items).toEqual([{ sku: 'tea', quantity: 120_000 }])
  expect(overLimit).toMatch(/lower the quantity of tea/)
})

test('a merge past all bounds is refused', () => {
  const many = (name: string) =>
    cartOf(name, Object.fromEntries(Array.from({ length: 15_000 }, (_, i) => [`${name}-${i}-0123456789`, 1])))
  const shop = many('shop')
  const device = many('phone')
  expect(device.encode().length).toBeLessThan(MAX_CART_BYTES)
  expect(() => mergeHanded(shop, read({ state: base64(device) }))).toThrow(problem(400, 'too-large'))
})
