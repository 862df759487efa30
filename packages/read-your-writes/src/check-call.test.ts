import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { readYourWritesRedis, type RedisClient } from './ioredis/index.ts'
import { readYourWrites, type ReadYourWritesEvent } from './index.ts'
import { LentQueryable } from './queryable.ts'
import { readYourWritesWindow, type WindowEvent } from './window/index.ts'

const secret = 'a secret that only tests know'
const pool = { connect: () => Promise.reject(new Error('no server')) }
const redis = (): RedisClient =>
  Object.assign(new EventEmitter(), {
    status: 'end',
    options: {},
    info: () => Promise.reject(new Error('no server')),
    sendCommand: () => undefined,
  })

type Made = ReturnType<(typeof routers)[number][1]>
const routers = [
  ['Postgres', () => readYourWrites({ primary: pool, replicas: [], secret })],
  ['Redis', () => readYourWritesRedis({ primary: redis(), replicas: [], secret })],
  ['a window', () => readYourWritesWindow({ primary: 'client', replicas: [], secret })],
] as const

/** As JavaScript calls it. */
interface Untyped {
  run(session: unknown, work: unknown): unknown
  withLevel(level: unknown, work: unknown): unknown
  read(work: unknown): Promise<unknown>
  write(work: unknown): Promise<unknown>
  session(options: unknown): { readonly key: unknown; readonly token: unknown; merge(token: unknown): void }
}
const untyped = (db: Made): Untyped => db
const stop = (db: Made): unknown => 'stop' in db && db.stop()

test.each(routers)('run() of %s refuses what is no session, and what is no function', async (_, make) => {
  const db = make()
  const session = db.session()
  expect(() => untyped(db).run('a token', () => 1)).toThrow(/must come from session\(\)/)
  expect(() => untyped(db).run(session, 'handler')).toThrow(
    /Cannot run: the callback must be a function, got/,
  )
  expect(untyped(db).run(session, () => db.current() === session)).toBe(true)
  await stop(db)
})

test.each(routers)('withLevel() of %s refuses what is no level, and what is no function', async (_, make) => {
  const db = make()
  expect(() => untyped(db).withLevel('fresh', () => 1)).toThrow(/level must be/)
  expect(() => untyped(db).withLevel('strong', 'handler')).toThrow(
    /Cannot run at a level: the callback must be a function, got 'handler'; pass the level/,
  )
  expect(untyped(db).withLevel('strong', () => 1)).toBe(1)
  await stop(db)
})

test.each(routers)('read() and write() of %s refuse what is no callback', async (_, make) => {
  const db = make()
  for (const wrong of ['select 1', undefined, { text: 'select 1' }]) {
    await expect(untyped(db).read(wrong)).rejects.toThrow(/Cannot read: the callback must be a function, got/)
    await expect(untyped(db).write(wrong)).rejects.toThrow(
      /Cannot write: the callback must be a function, got/,
    )
  }
  await expect(untyped(db).read('select 1')).rejects.toThrow(/got 'select 1'; pass \(client\) =>/)
  await stop(db)
})

test('a callback that returns no promise is told to', async () => {
  const db = untyped(readYourWritesWindow({ primary: 'client', replicas: [], secret }))
  await expect(db.read(() => {})).rejects.toThrow(
    /Cannot read: the callback must return a promise, got undefined; return that of the query/,
  )
  await expect(db.write(() => 5)).rejects.toThrow(/Cannot write: the callback must return a promise, got 5/)
})

test.each(routers)(
  'session() of %s takes any token, and refuses keys that are no strings',
  async (_, make) => {
    const db = make()
    const { session } = { session: untyped(db).session.bind(db) }
    expect(session({ token: null, key: null })).toMatchObject({ key: undefined, token: undefined })
    expect(() => session({ key: 5 })).toThrow(/key must be a string, got 5; pass String\(id\)/)
    expect(() => session('a-token')).toThrow(
      /options must be an object, got 'a-token'; pass \{ token, key \}/,
    )
    expect(() => session({ tokens: [] })).toThrow(/unknown option tokens; known are token, key/)
    session({}).merge(undefined)
    await stop(db)
  },
)

test.each([5, {}, true, Symbol('token'), Buffer.from('token'), [5], [null]])(
  'a token that is no text counts as one that cannot be read: %s',
  async (token) => {
    const events: (ReadYourWritesEvent | WindowEvent)[] = []
    const onEvent = (event: ReadYourWritesEvent | WindowEvent): void => void events.push(event)
    await using db = readYourWrites({ primary: pool, replicas: [], secret, onEvent })
    db.session({ token } as never)
    db.session().merge(token as never)
    const window = readYourWritesWindow({ primary: 'client', replicas: [], secret, onEvent })
    window.session({ token } as never)
    expect(events).toEqual([1, 2, 3].map(() => ({ type: 'token-rejected', rejection: 'malformed' })))
  },
)

test('a query takes text and a list, not the single value that drivers may take', async () => {
  const asked: unknown[] = []
  const lent = new LentQueryable({
    query: (...input) => {
      asked.push(input)
      return Promise.resolve({ rows: [], rowCount: 0, command: 'SELECT' })
    },
    release: () => {},
    on: () => {},
    removeListener: () => {},
  })
  const query = lent.query.bind(lent) as (text: unknown, values?: unknown) => Promise<unknown>
  for (const wrong of [null, 5, ['select 1'], { text: undefined }]) {
    await expect(query(wrong)).rejects.toThrow(/text must be a string, got .*; pass query/)
  }
  await expect(query('select $1', 'abc')).rejects.toThrow(
    /values must be an array, got 'abc'; pass \[value\]/,
  )
  await query('select $1', ['abc'])
  expect(asked).toEqual([['select $1', ['abc']]])

  await using db = readYourWrites({ primary: pool, replicas: [], secret })
  await expect(db.execute('select $1', { session: db.session() } as never)).rejects.toThrow(
    /^Cannot execute: values must be an array, got an object/,
  )
  await expect(db.execute({ text: 'select 1' } as never)).rejects.toThrow(
    /^Cannot execute: text must be a string, got an object; pass execute\(text, values\)$/,
  )
})
