import { describe, expect, test } from 'vitest'
import { fromBase64, toBase64 } from './base64.ts'
import { CartDevice, labelOf } from './cart-device.ts'
import { CartShop } from './shop.test-helper.ts'
import { syncDevice } from './sync-device.ts'

const sync = (device: CartDevice, shop: CartShop) => syncDevice(device, async (body) => shop.sync(body))

describe('a device', () => {
  test('takes edits offline, and tells what waits', async () => {
    const shop = new CartShop()
    const phone = CartDevice.create('phone')
    phone.add('tv', 1)
    phone.add('cable', 3)
    phone.setQuantity('cable', 2)
    expect(phone.waiting()).toEqual([
      { sku: 'cable', change: 2 },
      { sku: 'tv', change: 1 },
    ])
    await sync(phone, shop)
    phone.setQuantity('tv', 0)
    expect([phone.isWaiting, phone.waiting()]).toEqual([true, [{ sku: 'tv', change: -1 }]])
    await sync(phone, shop)
    expect([phone.isWaiting, phone.waiting(), shop.items()]).toEqual([
      false,
      [],
      [{ sku: 'cable', quantity: 2 }],
    ])
  })

  test('tells what others did, and who', async () => {
    const shop = new CartShop()
    const [phone, laptop, tablet] = ['phone', 'laptop', 'tablet'].map((label) =>
      CartDevice.create(label),
    ) as [CartDevice, CartDevice, CartDevice]
    phone.add('tea', 1)
    phone.add('mug', 2)
    for (const device of [phone, laptop, tablet]) await sync(device, shop)

    laptop.add('mug', 2)
    laptop.add('pot', 1)
    laptop.setQuantity('tea', 0)
    await sync(laptop, shop)
    expect(await sync(phone, shop)).toEqual([
      { sku: 'mug', change: 2, by: laptop.replica },
      { sku: 'pot', change: 1, by: laptop.replica },
      { sku: 'tea', change: -1, by: laptop.replica },
    ])
    expect(labelOf(laptop.replica)).toBe('laptop')

    phone.add('pot', 1)
    await sync(phone, shop)
    const both = await sync(tablet, shop)
    expect(both.find(({ sku }) => sku === 'pot')).toEqual({ sku: 'pot', change: 2, by: undefined })
    shop.take()
    expect((await sync(tablet, shop)).map(({ by }) => by)).toEqual(['s-1', 's-1'])
  })

  test('knows of an order that the shop has forgotten, and tells it again', async () => {
    const shop = new CartShop()
    const [phone, laptop] = [CartDevice.create('phone'), CartDevice.create('laptop')]
    phone.add('tv', 1)
    for (const device of [phone, laptop]) await sync(device, shop)
    const before = shop.snapshot()
    const { items, removal } = shop.order(phone)
    expect(items).toEqual([{ sku: 'tv', quantity: 1 }])
    expect(phone.ordered(removal)).toMatchObject([{ sku: 'tv', change: -1 }])
    // Not something that its customer did and the shop is to hear of, though it is told.
    expect([phone.items(), phone.waiting(), phone.isWaiting]).toEqual([[], [], true])
    shop.failOver(before)
    phone.add('mug', 1)
    expect(shop.order(phone).items).toEqual([{ sku: 'mug', quantity: 1 }])
    await sync(laptop, shop)
    expect([shop.items(), laptop.items()]).toEqual([[], []])
  })

  test('hands in with an order what the shop had and has forgotten', async () => {
    const shop = new CartShop()
    const phone = CartDevice.create('phone')
    const before = shop.snapshot()
    phone.add('tv', 1)
    await sync(phone, shop)
    shop.failOver(before)
    expect([phone.isWaiting, shop.order(phone).items]).toEqual([false, [{ sku: 'tv', quantity: 1 }]])
  })

  test('goes on after a restart where it was, whether it was stored before or after a sync', async () => {
    const shop = new CartShop()
    let phone = CartDevice.create('phone')
    phone.add('tv', 1)
    const before = phone.save()
    await sync(phone, shop)
    phone = CartDevice.load(before) // the browser died before it could store the answer
    expect(phone.waiting()).toEqual([{ sku: 'tv', change: 1 }])
    await sync(phone, shop)
    expect(shop.items()).toEqual([{ sku: 'tv', quantity: 1 }])
    phone = CartDevice.load(phone.save())
    expect([phone.isWaiting, phone.items()]).toEqual([false, [{ sku: 'tv', quantity: 1 }]])
  })

  test('sends next to nothing when there is nothing new', async () => {
    const shop = new CartShop()
    const phone = CartDevice.create('phone')
    for (let index = 0; index < 500; index++) phone.add(`sku-${index}`, 1)
    await sync(phone, shop)
    phone.add('one-more', 1)
    expect(fromBase64(phone.request().delta).length).toBeLessThan(80)
    await sync(phone, shop)
    const request = phone.request()
    const answer = shop.sync(request)
    expect(
      [fromBase64(request.delta).length, fromBase64(answer.delta).length].every((size) => size < 10),
    ).toBe(true)
  })

  test('keeps to the limits of an order, but lets its customer take out what a merge brought', async () => {
    const phone = CartDevice.create('phone')
    phone.add('tea', 100_000)
    expect(() => phone.add('tea', 1)).toThrow(RangeError)
    for (let index = 1; index < 1_000; index++) phone.add(`sku-${index}`, 1)
    expect(() => phone.add('one-more', 1)).toThrow(/at most 1000 products/)
    const shop = new CartShop()
    const laptop = CartDevice.create('laptop')
    laptop.add('tea', 5)
    laptop.add('lamp', 1)
    await sync(laptop, shop)
    await sync(phone, shop)
    phone.setQuantity('tea', 100_001)
    phone.setQuantity('lamp', 0)
    expect(phone.items()).toHaveLength(1_000)
  })

  test('whose storage was copied goes on under a new name, and no add is lost', async () => {
    const shop = new CartShop()
    const phone = CartDevice.create('phone')
    phone.add('tv', 1)
    await sync(phone, shop)
    const copy = CartDevice.load(phone.save())
    phone.add('cable', 1)
    await sync(phone, shop)
    copy.add('radio', 2)
    copy.setQuantity('tv', 0)
    const refusal = expect.objectContaining({ status: 409, code: 'duplicate-device' })
    copy.add('pot', 1) // by now it has made more edits than the shop knows under this name
    await expect(sync(copy, shop)).rejects.toEqual(refusal)

    const renamed = copy.renamed()
    expect(renamed.replica).not.toBe(phone.replica)
    await sync(renamed, shop)
    await sync(phone, shop)
    expect(renamed.items()).toEqual([
      { sku: 'cable', quantity: 1 },
      { sku: 'pot', quantity: 1 },
      { sku: 'radio', quantity: 2 },
      { sku: 'tv', quantity: 1 },
    ])
    expect(phone.items()).toEqual(renamed.items())
  })
})

test('base64 of any bytes, as Node has it', () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256)
  expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
  expect(fromBase64(toBase64(bytes))).toEqual(bytes)
})
