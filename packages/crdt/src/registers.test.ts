import { ClockDriftError } from '@quorate/vector-clock'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  createLwwMap,
  createLwwRegister,
  createMvRegister,
  decodeLwwMap,
  decodeLwwRegister,
  decodeMvRegister,
  InvalidValueError,
  type LwwRegister,
  type MvRegisterDelta,
} from './index.ts'

/** A clock that shows what it was last set to. */
const clockAt = (ms: number): { now: () => number; ms: number } => {
  const clock = { ms, now: () => clock.ms }
  return clock
}
const hex = (crdt: { encode(): Uint8Array }): string => Buffer.from(crdt.encode()).toString('hex')

describe('LWW-Register', () => {
  const at = (replica: string, ms: number, value: string): LwwRegister<string> => {
    const register = createLwwRegister<string>({ replica, now: () => ms })
    register.set(value)
    return register
  }

  test('shows the last of many sets (Akka LWWRegisterSpec: latest of successive assignments)', () => {
    const register = createLwwRegister<number>({ replica: 'a', now: () => 5 })
    expect(register.value).toBeUndefined()
    for (let i = 0; i < 100; i++) {
      register.set(i)
      expect(register.value).toBe(i)
    }
  })

  test('merges to the later one, both ways (Akka LWWRegisterSpec: max timestamp)', () => {
    const [early, late] = [at('b', 100, 'A'), at('a', 101, 'B')]
    early.merge(late)
    late.merge(at('b', 100, 'A'))
    expect([early.value, late.value]).toEqual(['B', 'B'])
    expect(early.stamp).toEqual({ ms: 101, counter: 0, node: 'a' })
    expect(hex(early)).toBe(hex(late))
  })

  test('at the same time, the higher name wins on both (Akka LWWRegisterSpec: same timestamp, where the lower does)', () => {
    const [a, b] = [at('a', 100, 'A'), at('b', 100, 'B')]
    a.merge(b)
    b.merge(at('a', 100, 'A'))
    expect([a.value, b.value]).toEqual(['B', 'B'])
  })

  test('stamps go up while the wall clock stands or steps back (Akka LWWRegisterSpec: monotonic clock)', () => {
    const clock = clockAt(100)
    const register = createLwwRegister<number>({ replica: 'a', now: clock.now })
    let last = -1
    for (let i = 0; i < 100; i++) {
      clock.ms = 100 - i
      register.set(i)
      const { ms = 0, counter = 0 } = register.stamp ?? {}
      expect(ms * 65_536 + counter).toBeGreaterThan(last)
      last = ms * 65_536 + counter
    }
  })

  test('who has seen a set wins over it, however slow his clock (riak_dt_lwwreg asks the caller for such stamps)', () => {
    const fast = at('a', 400, 'first')
    const slow = createLwwRegister<string>({ replica: 'b', now: () => 0 })
    slow.merge(fast)
    fast.merge(slow.set('second'))
    expect([slow.value, fast.value]).toEqual(['second', 'second'])
  })

  test('also after it was stored and loaded', () => {
    const stored = at('a', 400, 'first').encode()
    const loaded = decodeLwwRegister<string>(stored, { replica: 'a', now: () => 0 })
    loaded.set('second')
    const other = decodeLwwRegister<string>(stored, { replica: 'b', now: () => 400 })
    other.merge(loaded)
    expect(other.value).toBe('second')
  })

  test('a clone goes on from the clock of its source', () => {
    const clone = at('a', 900, 'first').clone({ replica: 'b' })
    const other = clone.clone({ replica: 'c' })
    other.merge(clone.set('second'))
    expect([other.value, other.stamp?.node, other.stamp?.ms]).toEqual(['second', 'b', 900])
  })

  test('clear() takes away what was seen, a set made meanwhile stays', () => {
    const a = at('a', 100, 'A')
    const b = a.clone({ replica: 'b' })
    const cleared = a.clear()
    expect(a.value).toBeUndefined()
    expect(a.stamp).toBeUndefined()
    b.set('B')
    b.merge(cleared)
    a.merge(b)
    expect([a.value, b.value]).toEqual(['B', 'B'])
  })

  test('a removal of the winner means the same on a replica that never saw the loser win', () => {
    const [a, b] = [at('a', 100, 'loser'), at('b', 200, 'winner')]
    const c = createLwwRegister<string>({ replica: 'c', now: () => 300 })
    c.merge(b)
    const removal = c.clear() // c has never heard of the loser
    const d = a.clone({ replica: 'd' })
    d.merge(removal)
    a.merge(b)
    a.merge(removal)
    expect([a.value, d.value]).toEqual(['loser', 'loser'])
    d.merge(b)
    expect(hex(a)).toBe(hex(d))
  })

  test('a stamp from the future is refused with all that came with it, and nothing is changed', () => {
    const clock = clockAt(1_000)
    const mine = createLwwMap<string>({ replica: 'a', now: clock.now, maxDriftMs: 10 })
    mine.set('x', 'mine')
    const before = hex(mine)
    const peer = createLwwMap<string>({ replica: 'b', now: clock.now })
    peer.set('y', 'good')
    clock.ms = 1_011
    peer.set('x', 'from the future')
    clock.ms = 1_000
    for (const source of [peer, peer.encode(), peer.deltaSince(mine.version)]) {
      expect(() => mine.merge(source)).toThrow(ClockDriftError)
      expect(hex(mine)).toBe(before)
    }
    // The clock is as it was too: else the next stamp would carry the wrong time on.
    mine.set('z', 'now')
    expect(mine.stamp('z')?.ms).toBe(1_000)
    clock.ms = 1_001
    expect(mine.merge(peer)).toBe(true)
    expect(mine.get('x')).toBe('from the future')
  })

  test('what is here already is not refused when the clock is set back; what was stored then is, unless allowed', () => {
    const clock = clockAt(10_000)
    const mine = createLwwRegister<string>({ replica: 'a', now: clock.now })
    mine.set('x')
    const stored = mine.encode()
    clock.ms = 0
    expect(mine.merge(stored)).toBe(false)
    expect(() => decodeLwwRegister(stored, { replica: 'a', now: clock.now })).toThrow(ClockDriftError)
    const loaded = decodeLwwRegister(stored, { replica: 'a', now: clock.now, maxDriftMs: Infinity })
    expect(loaded.value).toBe('x')
  })

  test('after a stamp from the end of time nothing can be set, and that is said', () => {
    const end = 2 ** 48 - 1
    const register = createLwwRegister<string>({ replica: 'a', now: () => end, maxDriftMs: Infinity })
    for (let i = 0; i <= 0xffff; i++) register.set('x')
    const before = hex(register)
    expect(() => register.set('y')).toThrow(RangeError)
    expect(hex(register)).toBe(before)
  })

  test('keeps a JSON value whole, and hands it out so that nobody can change it', () => {
    const mine = { theme: 'dark', sizes: [1, 2n], key: Uint8Array.of(1) }
    const register = createLwwRegister<typeof mine>({ replica: 'a' })
    register.set(mine)
    mine.sizes.push(3)
    mine.key[0] = 9
    const value = register.value as typeof mine
    value.key.fill(7)
    expect(() => value.sizes.push(4)).toThrow(TypeError)
    expect(register.value).toEqual({ theme: 'dark', sizes: [1, 2n], key: Uint8Array.of(1) })
    expect(decodeLwwRegister(register.encode(), { replica: 'b' }).value).toEqual(register.value)
  })

  test('refused values change nothing', () => {
    const register = createLwwRegister({ replica: 'a', schema: z.int().positive() })
    register.set(1)
    const before = hex(register)
    expect(() => register.set(-1)).toThrow(InvalidValueError)
    expect(() => register.set(Number.NaN)).toThrow(TypeError)
    expect(() => register.set(2 ** 60)).toThrow(RangeError)
    const peer = createLwwRegister<number>({ replica: 'b' })
    peer.set(-1)
    expect(() => register.merge(peer.encode())).toThrow(InvalidValueError)
    expect(() => decodeLwwRegister(peer.encode(), { replica: 'c', schema: z.int().positive() })).toThrow(
      InvalidValueError,
    )
    expect(hex(register)).toBe(before)
    expect(() => createLwwRegister({ replica: 'a', schema: {} as never })).toThrow(TypeError)
    expect(() => createLwwRegister({ replica: 'a', maxDriftMs: -1 })).toThrow(RangeError)
    expect(() => createLwwRegister({ replica: '' })).toThrow(TypeError)
  })

  test('a clone has the schema too', () => {
    const clone = createLwwRegister({ replica: 'a', schema: z.string() }).clone({ replica: 'b' })
    expect(() => clone.set(1 as unknown as string)).toThrow(InvalidValueError)
  })
})

describe('MV-Register', () => {
  test('of two sets that do not know of each other both stand, until one that knows of them settles it', () => {
    const phone = createMvRegister<string>({ replica: 'phone' })
    const laptop = createMvRegister<string>({ replica: 'laptop' })
    expect([phone.value, phone.values, phone.hasConflict]).toEqual([undefined, [], false])
    phone.set('+49 1')
    laptop.set('+49 2')
    phone.merge(laptop)
    laptop.merge(phone)
    expect(phone.values).toEqual(['+49 2', '+49 1'])
    expect(laptop.values).toEqual(phone.values)
    expect([phone.hasConflict, phone.value]).toEqual([true, '+49 2'])
    laptop.merge(phone.set('+49 3'))
    expect([laptop.values, laptop.hasConflict]).toEqual([['+49 3'], false])
  })

  test('two that set the same have no conflict', () => {
    const [a, b] = ['a', 'b'].map((replica) => createMvRegister<{ n: number }>({ replica }))
    a?.set({ n: 1 })
    b?.set({ n: 1 })
    a?.merge(b as typeof a)
    expect([a?.values, a?.hasConflict]).toEqual([[{ n: 1 }], false])
    const c = a?.clone({ replica: 'c' })
    a?.set({ n: 2 })
    c?.merge(a as typeof c & object)
    expect(c?.values).toEqual([{ n: 2 }])
  })

  test('the version vectors of a textbook conflict: {a:2, b:1} and {a:1, b:2} are both kept', () => {
    const a = createMvRegister<string>({ replica: 'a' })
    const b = createMvRegister<string>({ replica: 'b' })
    b.merge(a.set('base'))
    a.set('from a')
    b.set('from b')
    expect(a.version.compare(b.version)).toBe('concurrent')
    a.merge(b)
    expect(a.values).toEqual(['from a', 'from b'])
  })

  test('shows 20,000 conflicts, equal ones once, in the order of their replicas', () => {
    const all = createMvRegister<{ n: number }>({ replica: 'reader' })
    let group: MvRegisterDelta | undefined
    for (let i = 0; i < 20_000; i++) {
      const delta = createMvRegister<{ n: number }>({ replica: `r${String(i).padStart(5, '0')}` }).set({
        n: i % 9_000,
      })
      group = group === undefined ? delta : group.merge(delta)
    }
    all.merge(group as MvRegisterDelta)
    expect(all.values.length).toBe(9_000)
    expect(all.values[8_999]).toEqual({ n: 8_999 })
  })

  test('clear() takes away what was seen, a set made meanwhile stays', () => {
    const a = createMvRegister<string>({ replica: 'a' })
    a.set('A')
    const b = a.clone({ replica: 'b' })
    const cleared = a.clear()
    b.set('B')
    b.merge(cleared)
    a.merge(b)
    expect([a.values, b.values]).toEqual([['B'], ['B']])
  })

  test('refused values change nothing', () => {
    const register = createMvRegister({ replica: 'a', schema: z.string().max(3) })
    register.set('abc')
    const before = hex(register)
    expect(() => register.set('abcd')).toThrow(InvalidValueError)
    const peer = createMvRegister<string>({ replica: 'b' })
    peer.set('abcd')
    expect(() => register.merge(peer)).toThrow(InvalidValueError)
    expect(() => decodeMvRegister(peer.encode(), { replica: 'c', schema: z.string().max(3) })).toThrow(
      InvalidValueError,
    )
    expect(hex(register)).toBe(before)
  })
})

describe('LWW-Map', () => {
  const numbers = (replica: string, entries: Record<string, number>) => {
    const map = createLwwMap<number>({ replica })
    for (const [key, value] of Object.entries(entries)) map.set(key, value)
    return map
  }

  test('merges with another that has other keys, both ways (Akka LWWMapSpec)', () => {
    const [m1, m2] = [numbers('a', { a: 1, b: 2 }), numbers('b', { c: 3 })]
    const before = m1.clone()
    m1.merge(m2)
    m2.merge(before)
    expect(m1.value).toEqual(new Map(Object.entries({ a: 1, b: 2, c: 3 })))
    expect(hex(m1)).toBe(hex(m2))
    expect([m1.size, m1.has('b'), m1.get('d'), m1.stamp('d')]).toEqual([3, true, undefined, undefined])
  })

  test('a removed key is gone; one that was put meanwhile is not removed (Akka LWWMapSpec: remove entry)', () => {
    const merged = numbers('a', { a: 1, b: 2 })
    merged.merge(numbers('b', { c: 3 }))
    const other = merged.clone({ replica: 'b' })
    const removed = merged.delete('b')
    const bystander = other.clone({ replica: 'c' })
    bystander.merge(removed)
    expect(Object.fromEntries(bystander)).toEqual({ a: 1, c: 3 })
    other.set('b', 22)
    for (const map of [merged, bystander]) {
      map.merge(other)
      expect(Object.fromEntries(map)).toEqual({ a: 1, b: 22, c: 3 })
    }
  })

  test('a put wins over a removal that did not know of it, even with an earlier stamp', () => {
    const late = createLwwMap<string>({ replica: 'a', now: () => 500 })
    late.set('x', 'A')
    const early = createLwwMap<string>({ replica: 'b', now: () => 1 })
    early.set('x', 'B')
    late.merge(early)
    expect(late.get('x')).toBe('A')
    const other = early.clone({ replica: 'c' })
    early.clear()
    late.merge(early)
    expect(late.get('x')).toBe('A')
    late.delete('x')
    other.set('x', 'C')
    late.merge(other)
    expect(late.get('x')).toBe('C')
  })

  test('works with deltas in any order (Akka LWWMapSpec: deltas)', () => {
    const writer = createLwwMap<number>({ replica: 'a' })
    const deltas = [writer.set('a', 1), writer.set('b', 2), writer.set('b', 3), writer.delete('a')]
    for (const order of [deltas, deltas.toReversed(), [...deltas, ...deltas]]) {
      const reader = createLwwMap<number>({ replica: 'b' })
      for (const delta of order) reader.merge(delta.encode())
      expect(hex(reader)).toBe(hex(writer))
    }
  })

  test('an emptied map of 10,000 keys is under 32 bytes', () => {
    const map = createLwwMap<number>({ replica: 'a' })
    for (let i = 0; i < 10_000; i++) map.set(`key-${i}`, i)
    map.clear()
    expect(map.encode().length).toBeLessThan(32)
    expect([map.size, [...map.keys()]]).toEqual([0, []])
  })

  test('keys are any well-formed text', () => {
    const map = createLwwMap<number>({ replica: 'a' })
    for (const key of ['', '__proto__', 'constructor', '\n\0', 'ключ']) map.set(key, 1)
    expect(decodeLwwMap<number>(map.encode(), { replica: 'b' }).value).toEqual(map.value)
    expect(() => map.set('\ud800', 1)).toThrow(TypeError)
    expect(() => map.set(1 as unknown as string, 1)).toThrow(TypeError)
  })

  test('refused values change nothing', () => {
    const map = createLwwMap({ replica: 'a', schema: z.enum(['light', 'dark']) })
    map.set('theme', 'dark')
    const before = hex(map)
    expect(() => map.set('theme', 'blue' as 'dark')).toThrow(InvalidValueError)
    const peer = createLwwMap<string>({ replica: 'b' })
    peer.set('ok', 'light')
    peer.set('theme', 'blue')
    expect(() => map.merge(peer)).toThrow(InvalidValueError)
    expect(hex(map)).toBe(before)
    expect(map.clone({ replica: 'b' }).get('theme')).toBe('dark')
  })
})
