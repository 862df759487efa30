import { expect, test } from 'vitest'
import { CartDevice } from './cart-device.ts'
import { lwwEdit, lwwFrom, lwwQuantity, lwwSync, type LwwCarts } from './lww-cart.ts'
import { CartShop } from './shop.test-helper.ts'
import { syncDevice } from './sync-device.ts'

const START = lwwFrom([], ['phone', 'laptop'], 0)

test('a TV on the phone, then a cable on the laptop before they meet: the last write loses the TV, the CRDT keeps both', async () => {
  const shop = new CartShop()
  const phone = CartDevice.create('phone')
  const laptop = CartDevice.create('laptop')
  phone.add('tv')
  laptop.add('cable')
  let lww: LwwCarts = lwwEdit(START, 'phone', { sku: 'tv', quantity: 1 }, 1)
  lww = lwwEdit(lww, 'laptop', { sku: 'cable', quantity: 1 }, 2)
  for (const [name, device] of [
    ['phone', phone],
    ['laptop', laptop],
    ['phone', phone],
  ] as const) {
    await syncDevice(device, async (body) => shop.sync(body))
    lww = lwwSync(lww, name)
  }
  expect(lww.shop.items).toEqual([{ sku: 'cable', quantity: 1 }])
  expect(lwwQuantity(lww, 'phone', 'tv')).toBe(0)
  for (const device of [phone, laptop]) {
    expect(device.items()).toEqual([
      { sku: 'cable', quantity: 1 },
      { sku: 'tv', quantity: 1 },
    ])
  }
})

test('as long as the devices take turns, the last write is right', () => {
  let lww = lwwSync(lwwEdit(START, 'phone', { sku: 'tv', quantity: 1 }, 1), 'phone')
  lww = lwwSync(lww, 'laptop')
  lww = lwwSync(lwwEdit(lww, 'laptop', { sku: 'cable', quantity: 2 }, 2), 'laptop')
  expect(lww.shop.items).toEqual([
    { sku: 'cable', quantity: 2 },
    { sku: 'tv', quantity: 1 },
  ])
  lww = lwwSync(lwwEdit(lwwSync(lww, 'phone'), 'phone', { sku: 'tv', quantity: 0 }, 3), 'phone')
  expect(lww.shop.items).toEqual([{ sku: 'cable', quantity: 2 }])
  expect(lwwSync(lww, 'phone')).toBe(lww)
})
