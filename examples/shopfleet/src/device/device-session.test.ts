import { expect, test } from 'vitest'
import type { CartSyncBody, CartSyncView } from '../api.ts'
import { CartDevice } from './cart-device.ts'
import { DeviceSession, type DeviceStorage } from './device-session.ts'
import { CartShop } from './shop.test-helper.ts'

function memory(): DeviceStorage & { readonly values: Map<string, string> } {
  const values = new Map<string, string>()
  return {
    values,
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
  }
}

function open(storage: DeviceStorage, send: (body: CartSyncBody) => Promise<CartSyncView>): DeviceSession {
  return new DeviceSession({ label: 'phone', storageKey: 'phone', storage, send })
}

const mug = [{ sku: 'mug', quantity: 1 }]

test('an edit is stored before it is sent, and survives that the shop is away', async () => {
  const shop = new CartShop()
  const storage = memory()
  const away = open(storage, async () => {
    expect(storage.values.get('phone')).toContain('phone-')
    throw new Error('away')
  })
  away.edit((device) => device.add('mug'))
  await away.sync()
  expect([away.view.failure, away.view.items]).toEqual(['away', mug])

  const back = open(storage, async (body) => shop.sync(body))
  expect(back.view.waiting).toEqual([{ sku: 'mug', change: 1 }])
  await back.sync()
  expect([back.view.failure, back.view.isSynced, shop.items()]).toEqual([null, true, mug])
})

test('an order that it placed is stored, told, and handed in again when the shop has forgotten it', async () => {
  const shop = new CartShop()
  const storage = memory()
  const told: string[] = []
  const session = new DeviceSession({
    label: 'phone',
    storageKey: 'phone',
    storage,
    send: async (body) => shop.sync(body),
    onSynced: ({ changes }) => told.push(...changes.map(({ sku, change }) => `${sku} ${change}`)),
  })
  session.edit((device) => device.add('mug'))
  await session.sync()
  const before = shop.snapshot()
  const phone = CartDevice.create('another of the same customer')
  session.ordered(shop.order(phone).removal)
  expect([session.view.items, told]).toEqual([[], ['mug -1']])
  shop.failOver(before)

  const back = open(storage, async (body) => shop.sync(body))
  await back.sync()
  expect([back.view.items, shop.items()]).toEqual([[], []])
})

test('offline it sends nothing, and an answer that comes after the switch counts for nothing', async () => {
  const shop = new CartShop()
  let answer = (): void => {}
  const session = open(memory(), async (body) => {
    await new Promise<void>((resolve) => (answer = resolve))
    return shop.sync(body)
  })
  session.edit((device) => device.add('mug'))
  const syncing = session.sync()
  await Promise.resolve()
  session.setOnline(false)
  answer()
  await syncing
  expect([shop.items(), session.view.isSynced, session.view.failure]).toEqual([mug, false, null])
})

test('an edit made during a sync is handed in right after it', async () => {
  const shop = new CartShop()
  let sent = 0
  const session = open(memory(), async (body) => {
    if (sent++ === 0) session.edit((device) => device.add('tea'))
    return shop.sync(body)
  })
  session.edit((device) => device.add('mug'))
  await session.sync()
  expect([shop.items().map(({ sku }) => sku), session.view.isSynced]).toEqual([['mug', 'tea'], true])
})

test('closed, it does not write over what another tab has stored', async () => {
  const shop = new CartShop()
  const storage = memory()
  const session = open(storage, async (body) => {
    session.setOpen(false)
    storage.values.set('phone', 'of the other tab')
    return shop.sync(body)
  })
  session.edit((device) => device.add('mug'))
  await session.sync()
  expect(storage.values.get('phone')).toBe('of the other tab')
})

test('what cannot be stored or read is said', async () => {
  const full = memory()
  full.setItem = () => {
    throw new Error('full')
  }
  const session = open(full, async () => Promise.reject(new Error('away')))
  session.setOnline(false)
  session.edit((device) => device.add('mug'))
  expect([session.view.failure, session.view.items]).toEqual([
    expect.stringMatching(/stores nothing more/),
    mug,
  ])

  const spoilt = memory()
  spoilt.values.set('phone', '{"device":{}}')
  expect(open(spoilt, async () => Promise.reject(new Error('away'))).view.failure).toMatch(/cannot be read/)
})

test('what no order could take is refused with a reason', () => {
  const session = open(memory(), async () => Promise.reject(new Error('away')))
  session.setOnline(false)
  expect(session.edit((device) => device.add('mug', 100_001))).toBe(false)
  expect(session.view.failure).toMatch(/at most 100000 of one product/)
})
