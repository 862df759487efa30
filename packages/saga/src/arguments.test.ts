import { expect, test } from 'vitest'
import { createSagaEngine, saga } from './index.ts'
import { memorySagaStore } from './memory/index.ts'

// From JavaScript, or through a cast: arguments the types refuse.
const base = saga('order', { version: 1 })
const run = (): number => 1
const expectRefused = (
  call: () => unknown,
  message: RegExp,
  kind: typeof TypeError | typeof RangeError = TypeError,
): void => {
  expect(call).toThrow(kind)
  expect(call).toThrow(message)
}

test.each(['step', 'tx'] as const)('.%s refuses options that could not work, and names them', (kind) => {
  const add = (options: object) => (): unknown => base[kind](options as never)
  expect(
    add({ name: 'pay', run, compensate: undefined, retry: { maxAttempts: 2 }, deadlineMs: 5 }),
  ).not.toThrow()
  expectRefused(add({ name: 'pay' }), /saga order: run of step pay must be a function, got undefined/)
  expectRefused(add({ name: 'pay', run: 'x' }), /run of step pay must be a function/)
  expectRefused(add({ name: 'pay', run, compensate: 1 }), /compensate of step pay must be a function/)
  expectRefused(
    add({ name: 'pay', run, compensation: run }),
    /saga order: unknown option compensation of step pay; known are .*compensate/,
  )
  expectRefused(add({ name: 'pay', rnu: run }), /unknown option rnu of step pay; known are name, run/)
  expectRefused(add({ name: 'pay', run, retry: 3 }), /retry of step pay must be an object, got number/)
  expectRefused(add({ name: 'pay', run, retry: null }), /retry of step pay must be an object/)
  expectRefused(
    add({ name: 'pay', run, retry: { attempts: 3 } }),
    /unknown option attempts of retry of step pay; known are maxAttempts/,
  )
  expectRefused(
    add({ name: 'pay', run, compensateRetry: { tries: 3 } }),
    /unknown option tries of compensateRetry of step pay/,
  )
  expectRefused(add({ name: 'pay', run, retry: { maxAttempts: '3' } }), /maxAttempts of step pay/, RangeError)
  expectRefused(add({ name: 'pay', run, retry: { baseMs: '3' } }), /baseMs and maxMs of step pay/, RangeError)
  for (const deadlineMs of [0, -1, Number.NaN, Infinity, '10']) {
    expectRefused(
      add({ name: 'pay', run, deadlineMs }),
      /deadlineMs of step pay must be a finite number above 0/,
      RangeError,
    )
  }
  expectRefused(add({ run }), /name must have/)
  expectRefused(() => base[kind](undefined as never), /step undefined must be an object/)
})

test('.waitFor refuses unknown options and times that are none', () => {
  const wait = (options: object) => (): unknown => base.waitFor('paid', options as never)
  expect(wait({ deadlineMs: 1 })).not.toThrow()
  expectRefused(
    wait({ deadlineMs: 1, timeout: 1 }),
    /unknown option timeout of wait paid; known are deadlineMs, schema/,
  )
  expectRefused(() => base.waitFor('paid', undefined as never), /wait paid must be an object/)
  for (const deadlineMs of [undefined, 0, Infinity, '10']) {
    expectRefused(wait({ deadlineMs }), /deadlineMs of wait paid must be a finite number above 0/, RangeError)
  }
})

test('.pivot refuses a second one', () => {
  expect(() => base.pivot().step({ name: 'a', run })).not.toThrow()
  expectRefused(() => base.pivot().step({ name: 'a', run }).pivot(), /saga order: it has a pivot already/)
})

test('saga() refuses unknown options', () => {
  expect(() => saga('order', { version: 1 })).not.toThrow()
  expectRefused(
    () => saga('order', { version: 1, retries: 3 } as never),
    /^Cannot define saga order: unknown option retries; known are version$/,
  )
})

test('createSagaEngine() says what to pass', () => {
  const make = (options: object) => (): unknown => createSagaEngine(options as never)
  expect(() => createSagaEngine(undefined as never)).toThrow(TypeError)
  expectRefused(make({ sagas: [] }), /pass pool, a pg.Pool, or store/)
  expectRefused(make({ sagas: [], pool: undefined }), /pass pool, a pg.Pool, or store/)
  expectRefused(make({ sagas: [], pool: { query: run } }), /pool must be a pg.Pool: it has no connect/)
  expectRefused(make({ sagas: [], pool: 'postgres://' }), /pool must be a pg.Pool/)
  const store = memorySagaStore()
  expectRefused(
    make({ sagas: [], store, leasems: 1_000 }),
    /^Cannot make a saga engine: unknown option leasems; known are sagas, pool, schema, store, .*leaseMs/,
  )
  expectRefused(make({ store }), /sagas must be an array/)
  for (const name of ['leaseMs', 'pollMs', 'concurrency']) {
    expectRefused(
      make({ sagas: [], store, [name]: '1000' }),
      new RegExp(`${name} must be .*got 1000`),
      RangeError,
    )
  }
})

test('start() and list() refuse what they cannot mean', async () => {
  const order = base.step({ name: 'pay', run })
  await using engine = createSagaEngine({ store: memorySagaStore(), sagas: [order] })
  const start = (options?: unknown): Promise<unknown> => engine.start(order, undefined, options as never)
  for (const options of [undefined, {}, { id: 7 }, { id: '' }]) {
    await expect(start(options)).rejects.toThrow(TypeError)
    await expect(start(options)).rejects.toThrow(/its id must/)
  }
  const list = (filter: object): Promise<unknown> => engine.list(filter)
  await expect(list({ status: 'runing' })).rejects.toThrow(RangeError)
  await expect(list({ status: 'runing' })).rejects.toThrow(/status must be one of running, .*got runing/)
  await expect(list({ limit: '5' })).rejects.toThrow(RangeError)
  await expect(list({ status: 'running', limit: 5 })).resolves.toEqual([])
})

test('a misspelt option of a call is refused, by name', async () => {
  const order = base.step({ name: 'pay', run })
  await using engine = createSagaEngine({ store: memorySagaStore(), sagas: [order] })
  const wrong = { id: 'o-1', deadlinems: 5 }
  await expect(engine.start(order, undefined, wrong)).rejects.toThrow(TypeError)
  await expect(engine.start(order, undefined, wrong)).rejects.toThrow(
    /^Cannot start a saga: unknown option deadlinems; known are id, signal, deadlineMs$/,
  )
  await expect(engine.get('o-1')).resolves.toBeUndefined()
  const started = await engine.start(order, undefined, { id: 'o-1' })
  for (const one of [started, engine.handle('o-1')]) {
    await expect(one.result({ timeoutMs: 5 } as object)).rejects.toThrow(
      /^Cannot wait for the result of saga o-1: unknown option timeoutMs; known are signal, deadlineMs$/,
    )
  }
  await expect(engine.list({ stauts: 'running' } as object)).rejects.toThrow(
    /^Cannot list sagas: unknown option stauts; known are status, name, limit$/,
  )
  await expect(engine.stop({ timeoutMs: 5 } as object)).rejects.toThrow(
    /^Cannot stop a saga engine: unknown option timeoutMs; known are deadlineMs$/,
  )
  await expect(engine.start(order, undefined, { id: 'o-2' })).resolves.toMatchObject({ existed: false })
  expect(() => memorySagaStore({ clok: undefined } as object)).toThrow(
    /^Cannot make a saga store: unknown option clok; known are clock$/,
  )
})
