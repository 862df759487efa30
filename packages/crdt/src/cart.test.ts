import { VersionVector } from '@quorate/vector-clock'
import { expect, test } from 'vitest'
import {
  type Cart,
  cartFromJSON,
  createCart,
  createOrSet,
  DecodeError,
  decodeCart,
  DuplicateReplicaError,
  MAX_QUANTITY,
} from './index.ts'

const three = (): [Cart, Cart, Cart] => [
  createCart({ replica: 'phone' }),
  createCart({ replica: 'laptop' }),
  createCart({ replica: 'server' }),
]
const bytes = (cart: Cart): string => Buffer.from(cart.encode()).toString('hex')

test('Black Friday 2018: a TV on the phone, a laptop on the laptop, before they replicate', () => {
  const [phone, laptop, server] = three()
  const tv = phone.add('tv')
  const computer = laptop.add('laptop')
  // The laptop's write comes last and knew nothing of the phone's.
  server.merge(tv)
  server.merge(computer)
  expect(server.items()).toEqual([
    { sku: 'laptop', quantity: 1 },
    { sku: 'tv', quantity: 1 },
  ])
  phone.merge(server)
  laptop.merge(server)
  expect(bytes(phone)).toBe(bytes(laptop))
})

test('user A adds X on the phone, user B adds Y on the laptop, both offline: both appear', () => {
  const [phone, laptop] = three()
  phone.add('x', 2)
  laptop.add('y', 1)
  phone.merge(laptop)
  expect(phone.value).toEqual(
    new Map([
      ['x', 2],
      ['y', 1],
    ]),
  )
})

test('adds of one SKU on two devices add up', () => {
  const [phone, laptop] = three()
  phone.add('x', 2)
  laptop.add('x', 3)
  phone.add('x')
  phone.merge(laptop)
  expect(phone.quantity('x')).toBe(6)
})

test('remove() takes away what it has seen, and an add it had not seen stays, to the unit', () => {
  const [phone, laptop] = three()
  laptop.merge(phone.add('x', 2))
  const removal = laptop.remove('x')
  const add = phone.add('x', 1)
  phone.merge(removal)
  laptop.merge(add)
  expect(phone.quantity('x')).toBe(1)
  expect(bytes(phone)).toBe(bytes(laptop))
})

test('a removal that comes before the add it covers still removes it', () => {
  const [phone, laptop, server] = three()
  const add = phone.add('x', 2)
  laptop.merge(add)
  server.merge(laptop.remove('x'))
  server.merge(add)
  expect(server.items()).toEqual([])
})

test('setQuantity() replaces what was seen; of two concurrent ones the larger counts', () => {
  const [phone, laptop] = three()
  laptop.merge(phone.add('x', 5))
  phone.setQuantity('x', 3)
  laptop.setQuantity('x', 4)
  phone.merge(laptop)
  laptop.merge(phone)
  expect([phone.quantity('x'), laptop.quantity('x')]).toEqual([4, 4])
})

test('an add that setQuantity() had not seen comes on top', () => {
  const [phone, laptop] = three()
  laptop.merge(phone.add('x', 5))
  const set = laptop.setQuantity('x', 2)
  phone.add('x', 1)
  phone.merge(set)
  expect(phone.quantity('x')).toBe(3)
})

test('setQuantity() of 0 removes', () => {
  const [phone] = three()
  phone.add('x')
  phone.setQuantity('x', 0)
  expect(phone.items()).toEqual([])
})

test('clear() after checkout leaves what was added elsewhere meanwhile', () => {
  const [phone, laptop] = three()
  phone.add('x', 2)
  phone.add('y', 1)
  laptop.merge(phone)
  laptop.add('y', 4)
  laptop.merge(phone.clear())
  expect(laptop.items()).toEqual([{ sku: 'y', quantity: 4 }])
})

test('remove() of what is not there is an empty delta and changes nothing', () => {
  const [phone, laptop] = three()
  phone.add('x')
  const before = bytes(phone)
  const delta = phone.remove('y')
  expect(delta.isEmpty).toBe(true)
  expect(laptop.merge(delta)).toBe(false)
  expect(bytes(phone)).toBe(before)
})

test('merge() says whether anything was new', () => {
  const [phone, laptop] = three()
  const add = phone.add('x')
  expect(laptop.merge(add)).toBe(true)
  expect(laptop.merge(add)).toBe(false)
  expect(laptop.merge(phone.encode())).toBe(false)
  const removal = laptop.remove('x')
  expect(phone.merge(removal)).toBe(true)
  expect(phone.merge(removal)).toBe(false)
})

test('deltaSince() gives a replica that has everything nothing, also after removals', () => {
  const [phone, laptop] = three()
  phone.add('x')
  laptop.merge(phone)
  phone.remove('x')
  expect(phone.deltaSince(laptop.version).isEmpty).toBe(false)
  laptop.merge(phone.deltaSince(laptop.version))
  expect(laptop.items()).toEqual([])
  expect(phone.deltaSince(laptop.version).isEmpty).toBe(true)
  expect(laptop.deltaSince(phone.version).isEmpty).toBe(true)
})

test('a delta that comes early is applied whole, and the gap is asked for', () => {
  const [phone, laptop] = three()
  phone.add('x', 1)
  const second = phone.add('y', 2)
  laptop.merge(second)
  expect(laptop.items()).toEqual([{ sku: 'y', quantity: 2 }])
  expect(laptop.hasGaps).toBe(true)
  expect(laptop.version.get('phone')).toBe(0)
  laptop.merge(phone.deltaSince(laptop.version))
  expect(laptop.hasGaps).toBe(false)
  expect(bytes(laptop)).toBe(bytes(phone))
})

test('clone({ replica }) goes on as another writer and leaves the first alone', () => {
  const [phone] = three()
  phone.add('x')
  const tablet = phone.clone({ replica: 'tablet' })
  tablet.add('x')
  expect([phone.quantity('x'), tablet.quantity('x')]).toEqual([1, 2])
  expect(phone.clone().replica).toBe('phone')
})

test('a decoded cart goes on where it was: its new edits have new names', () => {
  const [phone, laptop] = three()
  phone.add('x')
  const later = decodeCart(phone.encode(), { replica: 'phone' })
  laptop.merge(phone)
  laptop.merge(later.add('x'))
  expect(laptop.quantity('x')).toBe(2)
})

test('two writers with one name are found out, whichever merges, and the new name goes on with all', () => {
  const one = createCart({ replica: 'same' })
  const two = createCart({ replica: 'same' })
  const server = createCart({ replica: 'c' })
  one.add('x', 2)
  two.add('x', 5)
  server.merge(one)
  const before = [one, two, server].map(bytes)
  for (const [to, from] of [
    [one, two],
    [two, one.encode()],
    [server, two],
  ] as const) {
    expect(() => to.merge(from)).toThrow(DuplicateReplicaError)
  }
  expect([one, two, server].map(bytes)).toEqual(before)
  const renamed = two.clone({ replica: 'other' })
  server.merge(renamed.add('y'))
  expect(server.items()).toEqual([
    { sku: 'x', quantity: 2 },
    { sku: 'y', quantity: 1 },
  ])
})

test('one event under two keys is found out, not dropped on both sides', () => {
  const [one, two] = [createCart({ replica: 'same' }), createCart({ replica: 'same' })]
  one.add('x')
  two.add('y')
  const reader = createCart({ replica: 'reader' })
  reader.merge(one)
  expect(() => reader.merge(two)).toThrow(expect.objectContaining({ replica: 'same', type: 'cart' }))
  expect(reader.items()).toEqual([{ sku: 'x', quantity: 1 }])
  expect(() => reader.merge(one.add('z').merge(two.add('w')))).toThrow(DuplicateReplicaError)
})

test('a copy that was loaded from an old backup and edited meets what it made before', () => {
  const phone = createCart({ replica: 'phone' })
  phone.add('x')
  const backup = phone.encode()
  const [server] = three()
  server.merge(phone)
  server.merge(phone.add('y'))
  const restored = decodeCart(backup, { replica: 'phone' })
  // As long as it has made no edit, it learns what its name made before.
  expect(restored.clone().merge(server)).toBe(true)
  restored.add('z')
  restored.add('z')
  expect(() => restored.merge(server)).toThrow(DuplicateReplicaError)
})

test('an edit of an earlier run of the same writer that comes late is its own', () => {
  const phone = createCart({ replica: 'phone' })
  const early = phone.add('x', 1)
  const late = phone.add('y', 2)
  const again = createCart({ replica: 'phone' })
  again.merge(late)
  again.add('z', 3)
  expect(again.merge(early)).toBe(true)
  expect(again.items().map(({ quantity }) => quantity)).toEqual([1, 2, 3])
})

test('SKUs that objects already know are SKUs like others', () => {
  const cart = createCart({ replica: '__proto__' })
  cart.add('__proto__', 2)
  cart.add('constructor', 3)
  const again = cartFromJSON(JSON.parse(JSON.stringify(cart)), { replica: 'b' })
  expect(again.items()).toEqual(cart.items())
  expect(bytes(again)).toBe(bytes(cart))
})

test('wrong arguments are refused and change nothing', () => {
  const [phone] = three()
  for (const quantity of [0, -1, 1.5, Number.NaN, Infinity, MAX_QUANTITY + 1]) {
    expect(() => phone.add('x', quantity)).toThrow(RangeError)
  }
  expect(() => phone.setQuantity('x', -1)).toThrow(RangeError)
  expect(() => phone.add('')).toThrow(TypeError)
  expect(() => phone.add('\ud800')).toThrow(TypeError)
  expect(() => phone.add(7 as unknown as string)).toThrow(TypeError)
  expect(() => createCart({ replica: '' })).toThrow(TypeError)
  expect(phone.encode()).toEqual(createCart({ replica: 'a' }).encode())
  phone.add('x', MAX_QUANTITY)
  expect(phone.quantity('x')).toBe(MAX_QUANTITY)
})

test('a cart takes no set and no foreign object', () => {
  const [phone] = three()
  const set = createOrSet({ replica: 'a' })
  expect(() => phone.merge(set as unknown as Cart)).toThrow(TypeError)
  expect(() => phone.merge(undefined as unknown as Cart)).toThrow(TypeError)
  expect(() => phone.merge(set.encode())).toThrow(DecodeError)
})

test('a delta of another copy of the package is read by its bytes', () => {
  const [phone, laptop] = three()
  const delta = phone.add('x', 3)
  laptop.merge({ type: 'cart', encode: () => delta.encode() })
  expect(laptop.quantity('x')).toBe(3)
})

test('the bytes of a delta, for ever', () => {
  const [phone] = three()
  expect(Buffer.from(phone.add('tv', 2).encode()).toString('hex')).toBe(
    // format, cart | 1 replica: "phone", 1 run: from 1, of 1 | 1 SKU: "tv" | replica 0, last; event 1; 2 × 2
    ['0103', '01', '0a70686f6e65', '00', '00', '01', '027476', '00', '00', '04'].join(''),
  )
})

test('the JSON of a state, for ever', () => {
  const [phone] = three()
  phone.add('tv', 2)
  phone.setQuantity('cable', 3)
  expect(phone.toJSON()).toEqual({
    type: 'cart',
    context: { phone: [[1, 2]] },
    entries: [
      { sku: 'cable', set: 3, node: 'phone', counter: 2 },
      { sku: 'tv', add: 2, node: 'phone', counter: 1 },
    ],
  })
})

const good = { type: 'cart', context: { a: [[1, 2]] }, entries: [] as unknown[] }
test.each<[string, unknown]>([
  ['nothing', undefined],
  ['another type', { ...good, type: 'or-set' }],
  ['no entries', { ...good, entries: undefined }],
  ['entries that are no objects', { ...good, entries: [1] }],
  ['a broken context', { ...good, context: { a: [[2, 1]] } }],
  ['an entry out of the context', { ...good, entries: [{ sku: 'x', add: 1, node: 'a', counter: 3 }] }],
  ['a zero quantity', { ...good, entries: [{ sku: 'x', add: 0, node: 'a', counter: 1 }] }],
  ['a fraction', { ...good, entries: [{ sku: 'x', add: 1.5, node: 'a', counter: 1 }] }],
  ['a quantity as text', { ...good, entries: [{ sku: 'x', add: '1', node: 'a', counter: 1 }] }],
  ['a counter as text', { ...good, entries: [{ sku: 'x', add: 1, node: 'a', counter: '1' }] }],
  ['no quantity', { ...good, entries: [{ sku: 'x', node: 'a', counter: 1 }] }],
  ['no SKU', { ...good, entries: [{ add: 1, node: 'a', counter: 1 }] }],
  [
    'an event twice',
    {
      ...good,
      entries: [
        { sku: 'x', add: 1, node: 'a', counter: 1 },
        { sku: 'y', add: 1, node: 'a', counter: 1 },
      ],
    },
  ],
])('cartFromJSON() refuses %s', (_name, json) => {
  expect(() => cartFromJSON(json, { replica: 'b' })).toThrow(DecodeError)
})

const head = [1, 3, 1, 2, 97, 0, 1] // cart, replica "a", run 1–2
test.each<[string, number[]]>([
  ['nothing', []],
  ['an unknown format', [2, 3, 0, 0]],
  ['bytes after the end', [1, 3, 0, 0, 0]],
  ['SKUs out of order', [...head, 2, 1, 121, 0, 0, 2, 1, 120, 0, 1, 2]],
  ['a SKU twice', [...head, 2, 1, 120, 0, 0, 2, 1, 120, 0, 1, 2]],
  ['entries out of order', [...head, 1, 1, 120, 1, 1, 2, 0, 0, 2]],
  ['an event twice', [...head, 2, 1, 120, 0, 0, 2, 1, 121, 0, 0, 2]],
  ['an entry out of the context', [...head, 1, 1, 120, 0, 9, 2]],
  ['an unknown replica', [...head, 1, 1, 120, 2, 0, 2]],
  ['a zero quantity', [...head, 1, 1, 120, 0, 0, 1]],
  ['an empty SKU', [...head, 1, 0, 0, 0, 2]],
  ['a count that would fill the memory', [...head, 255, 255, 255, 255, 15]],
])('merge() refuses %s, and nothing is merged', (_name, hostile) => {
  const [phone] = three()
  expect(phone.merge(Uint8Array.from([...head, 1, 1, 120, 0, 0, 2]))).toBe(true)
  phone.add('x')
  const before = bytes(phone)
  expect(() => phone.merge(Uint8Array.from(hostile))).toThrow(DecodeError)
  expect(bytes(phone)).toBe(before)
})

test('a run of 2^53 events in a few hostile bytes costs neither time nor memory', () => {
  const [phone] = three()
  phone.add('x')
  const hostile = [1, 3, 1, 2, 97, 0, 254, 255, 255, 255, 255, 255, 255, 15, 0]
  expect(phone.merge(Uint8Array.from(hostile))).toBe(true)
  expect(phone.quantity('x')).toBe(1)
  expect(phone.deltaSince(phone.version).isEmpty).toBe(true)
})

test('many adds of one SKU on three devices: merged both ways, removed in part', () => {
  const carts = three()
  for (let i = 0; i < 300; i++) (carts[i % 3] as Cart).add('x', 1 + (i % 2))
  const [phone, laptop, server] = carts
  laptop.merge(phone)
  laptop.remove('x')
  for (let i = 0; i < 20; i++) phone.add('x', 5)
  server.merge(laptop)
  server.merge(phone)
  expect(server.quantity('x')).toBe(150 + 20 * 5)
  phone.merge(server)
  laptop.merge(phone.encode())
  expect([phone, laptop].map(bytes)).toEqual([bytes(server), bytes(server)])
})

test('a hostile message of 50,000 entries of one SKU, merged twice, is merged and removed as any other', () => {
  const writer = createCart({ replica: 'hostile' })
  for (let i = 0; i < 50_000; i++) writer.add('x')
  const message = writer.encode()
  const [phone] = three()
  // That the steps are few is counted in dot-store.prop.test.ts.
  expect(phone.merge(message)).toBe(true)
  expect(phone.merge(message)).toBe(false)
  expect(phone.merge(cartFromJSON(writer.toJSON(), { replica: 'b' }))).toBe(false)
  expect(phone.quantity('x')).toBe(50_000)
  phone.remove('x')
  expect(phone.items()).toEqual([])
})

test('a state with 50,000 gaps: deltaSince(), small merges, and what fills them', () => {
  const counters = Array.from({ length: 50_000 }, (_, i) => i * 2 + 1)
  const json = {
    type: 'cart',
    context: { a: counters.map((counter) => [counter, counter]) },
    entries: counters.map((counter) => ({ sku: `sku-${counter % 500}`, add: 1, node: 'a', counter })),
  }
  const reader = cartFromJSON(json, { replica: 'b' })
  const writer = createCart({ replica: 'a' })
  for (let i = 0; i < 100_000; i++) writer.add(`sku-${(i + 1) % 500}`)
  expect(reader.deltaSince(VersionVector.of({ a: 90_000 })).isEmpty).toBe(false)
  for (let i = 0; i < 50; i++) reader.merge(createCart({ replica: `c-${i}` }).add('x'))
  expect(reader.merge(writer)).toBe(true)
  expect(reader.hasGaps).toBe(false)
})

test('what has no options, or null in their place, is refused with what to pass', () => {
  const encoded = createCart({ replica: 'a' }).encode()
  for (const options of [undefined, null, {}]) {
    for (const make of [() => decodeCart(encoded, options as never), () => createCart(options as never)]) {
      expect(make).toThrow(/replica/)
      expect(make).toThrow(new TypeError('replica must be a non-empty well-formed string, got undefined'))
    }
  }
})

test.each([{}, null, undefined])('deltaSince() refuses %j: it is no version', (version) => {
  const cart = createCart({ replica: 'a' })
  expect(() => cart.deltaSince(version as never)).toThrow(/VersionVector/)
  cart.add('sku')
  expect(() => cart.deltaSince(version as never)).toThrow(/VersionVector/)
})
