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
    /step pay has no option compensation; known: .*compensate/,
  )
  expectRefused(add({ name: 'pay', rnu: run }), /step pay has no option rnu; known: name, run/)
  expectRefused(add({ name: 'pay', run, retry: 3 }), /retry of step pay must be an object, got number/)
  expectRefused(add({ name: 'pay', run, retry: null }), /retry of step pay must be an object/)
  expectRefused(
    add({ name: 'pay', run, retry: { attempts: 3 } }),
    /retry of step pay has no option attempts; known: maxAttempts/,
  )
  expectRefused(
    add({ name: 'pay', run, compensateRetry: { tries: 3 } }),
    /compensateRetry of step pay has no option tries/,
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
    /wait paid has no option timeout; known: deadlineMs, schema/,
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

test('createSagaEngine() says what to pass', () => {
  const make = (options: object) => (): unknown => createSagaEngine(options as never)
  expect(() => createSagaEngine(undefined as never)).toThrow(TypeError)
  expectRefused(make({ sagas: [] }), /pass pool, a pg.Pool, or store/)
  expectRefused(make({ sagas: [], pool: undefined }), /pass pool, a pg.Pool, or store/)
  expectRefused(make({ sagas: [], pool: { query: run } }), /pool must be a pg.Pool: it has no connect/)
  expectRefused(make({ sagas: [], pool: 'postgres://' }), /pool must be a pg.Pool/)
  const store = memorySagaStore()
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
