// What the errors say: which side is wrong, where, and what to do. That they are thrown is tested beside each type.
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { SUBJECTS } from '../test/all-subjects.ts'
import { place } from '../test/play.ts'
import { stream } from '../test/random.ts'
import {
  createCart,
  createGSet,
  createLwwMap,
  createLwwRegister,
  createMvRegister,
  createOrMap,
  createOrSet,
  type CrdtType,
  decodeLwwMap,
  field,
  InvalidValueError,
} from './index.ts'

const ARTICLES: Record<CrdtType, 'a' | 'an'> = {
  'or-set': 'an',
  'pn-counter': 'a',
  cart: 'a',
  'g-counter': 'a',
  'bounded-counter': 'a',
  'lww-register': 'an',
  'mv-register': 'an',
  'ew-flag': 'an',
  'dw-flag': 'a',
  'g-set': 'a',
  '2p-set': 'a',
  'rw-set': 'an',
  'lww-map': 'an',
  'or-map': 'an',
  text: 'a',
}

function thrown(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe.each(SUBJECTS)('$name: a source that is none', (subject) => {
  const made = subject.make(place('made'))
  const random = stream(1)
  for (let i = 0; i < 8; i++) subject.edit(made, random, `e${i}`)
  const mine = `${ARTICLES[subject.name]} ${subject.name}`
  const other = subject.name === 'g-set' ? createOrSet({ replica: 'o' }) : createGSet({ replica: 'o' })
  const orElse = 'give a replica, a delta or bytes'
  const wrap = 'wrap it in new Uint8Array(…)'

  test.each<[string, unknown, string, string]>([
    ['null', null, 'null', orElse],
    ['nothing', undefined, 'undefined', orElse],
    ['a number', 7, 'a number', orElse],
    ['text', 'AQMB', 'a string', orElse],
    ['empty text', '', 'a string', orElse],
    [
      'what only looks like one',
      { type: subject.name, encode: 1 },
      'plain JSON',
      'make it one with …FromJSON()',
    ],
    ['an encoder', new TextEncoder(), 'a TextEncoder', orElse],
    ['another type', other, other.type === 'g-set' ? 'a g-set' : 'an or-set', orElse],
    ['a list of deltas', [made.deltaSince(made.version)], 'an Array', orElse],
    ['an object', { delta: 'AQMB' }, 'an Object', orElse],
    ['a promise', Promise.resolve(made), 'a Promise', orElse],
    ['an ArrayBuffer', new ArrayBuffer(4), 'an ArrayBuffer', wrap],
    ['a list of bytes', [...made.encode()], 'an Array', wrap],
    ['JSON', JSON.parse(JSON.stringify(made)), 'plain JSON', 'make it one with …FromJSON()'],
    ['JSON of a delta', made.deltaSince(made.version).toJSON(), 'plain JSON', 'make it one with …FromJSON()'],
  ])('%s is named, with what to do', (_, source, what, advice) => {
    const error = new TypeError(`Cannot merge ${what} into ${mine}: ${advice}`)
    const copy = made.clone({ replica: 'copy' })
    const delta = made.deltaSince(copy.version)
    expect(() => copy.merge(source as never)).toThrow(error)
    expect(thrown(() => copy.merge(source as never))).toBeInstanceOf(TypeError)
    expect(copy.encode()).toEqual(made.encode())
    expect(() => delta.merge(source as never)).toThrow(error)
    expect(delta.isEmpty).toBe(true)
  })
})

describe('a value that the schema refuses', () => {
  const zip = z.object({ zip: z.string().min(4, 'Too small') })
  const correct = 'correct the value'
  const check = 'check the version of the sender'

  test('in a register: where in the value, and on which side', () => {
    const lww = createLwwRegister({ replica: 'a', schema: zip })
    const error = thrown(() => lww.set({ zip: '1' }))
    expect(error).toBeInstanceOf(InvalidValueError)
    expect(error).toMatchObject({
      message: `Cannot take a value into an lww-register: zip: Too small; ${correct}`,
      isLocal: true,
      path: [],
      issues: [{ path: ['zip'] }],
    })
    const peer = createLwwRegister({ replica: 'b' })
    peer.set({ zip: '1' })
    expect(thrown(() => lww.merge(peer.encode()))).toMatchObject({
      message: `Cannot take a value into an lww-register: zip: Too small; ${check}`,
      isLocal: false,
    })
    const mv = createMvRegister({ replica: 'a', schema: z.string().min(4, 'Too small') })
    expect(() => mv.set('1')).toThrow(`Cannot take a value into an mv-register: Too small; ${correct}`)
    const rival = createMvRegister({ replica: 'b' })
    expect(() => mv.merge(rival.set('1'))).toThrow(
      `Cannot take a value into an mv-register: Too small; ${check}`,
    )
  })

  test('in a map: under which key', () => {
    const map = createLwwMap({ replica: 'a', schema: zip })
    expect(thrown(() => map.set('home', { zip: '1' }))).toMatchObject({
      message: `Cannot take a value into an lww-map: home.zip: Too small; ${correct}`,
      path: ['home'],
    })
    const peer = createLwwMap({ replica: 'b' })
    const delta = peer.set('home', { zip: '1' })
    const message = `Cannot take a value into an lww-map: home.zip: Too small; ${check}`
    expect(() => map.merge(delta)).toThrow(message)
    expect(() => decodeLwwMap(peer.encode(), { replica: 'c', schema: zip })).toThrow(message)
  })

  test('in an or-map: in which field', () => {
    const strict = {
      addresses: field.mapOf({ main: field.value({ schema: zip }), old: field.conflicts({ schema: zip }) }),
    }
    const lax = { addresses: field.mapOf({ main: field.value(), old: field.conflicts() }) }
    const map = createOrMap({ replica: 'a', shape: strict })
    const peer = createOrMap({ replica: 'b', shape: lax })
    for (const name of ['main', 'old'] as const) {
      const message = `Cannot take a value into an or-map: addresses.ann.${name}.zip: Too small`
      const path = ['addresses', 'ann', name]
      expect(thrown(() => map.at('addresses').at('ann').at(name).set({ zip: '1' }))).toMatchObject({
        message: `${message}; ${correct}`,
        path,
      })
      const delta = peer.at('addresses').at('ann').at(name).set({ zip: '1' })
      expect(thrown(() => map.merge(delta))).toMatchObject({ message: `${message}; ${check}`, path })
    }
  })

  test('with issues that name the place in other ways, or none at all', () => {
    const issues: { message: string; path?: readonly unknown[] }[] = []
    const schema = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) } } as const
    const register = createLwwRegister<number>({ replica: 'a', schema: schema as never })
    expect(() => register.set(1)).toThrow(`into an lww-register: the schema refuses it; ${correct}`)
    issues.push({ message: 'no', path: [{ key: 'list' }, 0, Symbol('s')] })
    expect(() => register.set(1)).toThrow(`into an lww-register: list.0.Symbol(s): no; ${correct}`)
  })
})

describe('two writers of one name', () => {
  const twins = () => {
    const [one, two] = [createCart({ replica: 'p' }), createCart({ replica: 'p' })]
    one.add('x')
    two.add('y')
    return [one, two] as const
  }

  test('one of them goes on under another name', () => {
    const [one, two] = twins()
    two.add('y')
    const message =
      'Cannot merge into a cart: another writer edits as "p", and each must have a name of its own; go on with clone({ replica: <a new name> })'
    expect(thrown(() => one.merge(two))).toMatchObject({ message, replica: 'p', isOwn: true })
    // Also one that has not edited itself: it is the copy that goes by this name.
    const loaded = createCart({ replica: 'p' })
    loaded.merge(one)
    expect(thrown(() => loaded.merge(two))).toMatchObject({ message, isOwn: true })
  })

  test('who is neither of them is told to refuse', () => {
    const [one, two] = twins()
    const message =
      'Cannot merge into a cart: two others edit as "p", and each must have a name of its own; refuse it, and have one go on with clone({ replica: <a new name> })'
    const server = createCart({ replica: 'server' })
    server.add('z')
    server.merge(one)
    expect(thrown(() => server.merge(two))).toMatchObject({ message, replica: 'p', isOwn: false })
    const both = one.deltaSince(server.clone().version).merge(one.add('z')).merge(two.add('w'))
    expect(thrown(() => both.encode())).toMatchObject({ message, isOwn: false })
  })
})
