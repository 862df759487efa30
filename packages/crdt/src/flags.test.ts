import { expect, test } from 'vitest'
import {
  createDwFlag,
  createEwFlag,
  DecodeError,
  decodeDwFlag,
  decodeEwFlag,
  dwFlagFromJSON,
} from './index.ts'

/** What holds for both: all but who wins. */
test.each([
  ['enable-wins', createEwFlag, true],
  ['disable-wins', createDwFlag, false],
] as const)('%s flag: who wins when neither knew of the other, either way round', (_name, create, winner) => {
  const a = create({ replica: 'a' })
  expect(a.value).toBe(false)
  a.enable()
  const b = a.clone({ replica: 'b' })
  const [enabling, disabling] = [a.enable(), b.disable()]
  expect([a.value, b.value]).toEqual([true, false])
  a.merge(disabling.encode())
  b.merge(enabling.encode())
  expect([a.value, b.value]).toEqual([winner, winner])
  expect(a.encode()).toEqual(b.encode())
  // The next one who sees both decides.
  a.merge(b[winner ? 'disable' : 'enable']().encode())
  expect([a.value, b.value]).toEqual([!winner, !winner])
})

test('Akka FlagSpec: once on, it stays on, and wins over one that never was', () => {
  const never = createEwFlag({ replica: 'a' })
  const on = createEwFlag({ replica: 'b' })
  on.enable()
  on.enable()
  expect([never.value, on.value]).toEqual([false, true])
  expect(on.merge(never)).toBe(false)
  never.merge(on)
  expect([never.value, on.value]).toEqual([true, true])
})

test('riak_dt_od_flag, disable: of two enablings, each disabled where it was made, none is left', () => {
  const [a, b] = [createEwFlag({ replica: 'a' }), createEwFlag({ replica: 'b' })]
  a.enable()
  b.enable()
  const c = a.clone({ replica: 'c' })
  a.disable()
  a.merge(b)
  expect(a.value).toBe(true)
  b.disable()
  c.merge(a)
  expect(c.value).toBe(true)
  c.merge(b)
  expect(c.value).toBe(false)
})

test('riak_dt_od_flag, merge: off with off, with on, with on and off by the same and by another', () => {
  const [off, one] = [createEwFlag({ replica: 'x' }), createEwFlag({ replica: 'a' })]
  expect(off.merge(off.clone())).toBe(false)
  one.enable()
  const [disabled, enabledAgain] = [one.clone({ replica: 'd' }), one.clone({ replica: 'e' })]
  disabled.disable()
  enabledAgain.enable()
  const value = (...flags: (typeof one)[]): boolean => {
    const reader = createEwFlag({ replica: 'reader' })
    for (const flag of flags) reader.merge(flag)
    return reader.value
  }
  expect(value(off, one)).toBe(true)
  expect(value(one, enabledAgain)).toBe(true)
  expect(value(one, disabled)).toBe(false)
  expect(value(disabled, enabledAgain)).toBe(true)
})

test('riak_dt_od_flag, stats: after three enablings and a disabling nothing is left but who has been seen', () => {
  const flag = createEwFlag({ replica: 'r' })
  for (const replica of ['1', '2', '3']) {
    const other = createEwFlag({ replica })
    flag.merge(other.enable())
  }
  expect(flag.toJSON().entries).toHaveLength(3)
  flag.disable()
  expect(flag.toJSON()).toEqual({
    type: 'ew-flag',
    context: { 1: [[1, 1]], 2: [[1, 1]], 3: [[1, 1]], r: [[1, 1]] },
    entries: [],
  })
})

test('the bytes of a flag, for ever', () => {
  const hex = (flag: { encode(): Uint8Array }): string => Buffer.from(flag.encode()).toString('hex')
  const [ew, dw] = [createEwFlag({ replica: 'a' }), createDwFlag({ replica: 'a' })]
  // format, type | 1 replica: "a", 1 run: from 1, of 1 | 1 key, not written | replica 0, last; event 1
  expect(hex(ew.enable())).toBe(['0108', '01', '0261', '00', '00', '01', '00', '00'].join(''))
  // … disables
  expect(hex(dw.disable())).toBe(['0109', '01', '0261', '00', '00', '01', '00', '00', '00'].join(''))
  expect(decodeEwFlag(ew.encode(), { replica: 'b' }).value).toBe(true)
  expect(decodeDwFlag(dw.encode(), { replica: 'b' }).value).toBe(false)
})

test.each([
  ['two keys', [1, 8, 1, 2, 97, 0, 1, 2, 0, 0, 0, 1]],
  ['another type', [1, 9, 0, 0]],
])('decodeEwFlag() refuses %s', (_name, bytes) => {
  expect(() => decodeEwFlag(Uint8Array.from(bytes), { replica: 'b' })).toThrow(DecodeError)
})

test('decodeDwFlag() and dwFlagFromJSON() refuse what neither enables nor disables', () => {
  const bytes = Uint8Array.from([1, 9, 1, 2, 97, 0, 0, 1, 0, 0, 2])
  expect(() => decodeDwFlag(bytes, { replica: 'b' })).toThrow(DecodeError)
  const json = { type: 'dw-flag', context: { a: [[1, 1]] }, entries: [{ enables: 1, node: 'a', counter: 1 }] }
  expect(() => dwFlagFromJSON(json, { replica: 'b' })).toThrow(DecodeError)
  expect(
    dwFlagFromJSON({ ...json, entries: [{ ...json.entries[0], enables: true }] }, { replica: 'b' }).value,
  ).toBe(true)
})
