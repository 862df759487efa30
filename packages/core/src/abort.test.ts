import { expect, test, vi } from 'vitest'
import { waitOrAbort } from './abort.ts'

test('waitOrAbort() returns the promise itself when there is no signal', () => {
  const promise = Promise.resolve(1)
  expect(waitOrAbort(promise, undefined)).toBe(promise)
})

test('waitOrAbort() passes on the value or the failure, and leaves no listener behind', async () => {
  const { signal } = new AbortController()
  const removed = vi.spyOn(signal, 'removeEventListener')
  expect(await waitOrAbort(Promise.resolve('value'), signal)).toBe('value')
  await expect(waitOrAbort(Promise.reject(new Error('no route')), signal)).rejects.toThrow('no route')
  expect(removed).toHaveBeenCalledTimes(2)
})

test('waitOrAbort() rejects with the reason of an abort that comes first', async () => {
  const { promise } = deferred<number>()
  const controller = new AbortController()
  const waiting = waitOrAbort(promise, controller.signal)
  controller.abort(new Error('caller left'))
  await expect(waiting).rejects.toThrow('caller left')
})

test('waitOrAbort() releases a value that arrives after the abort', async () => {
  const { promise, resolve } = deferred<string>()
  const controller = new AbortController()
  const late: string[] = []
  const waiting = waitOrAbort(promise, controller.signal, (value) => void late.push(value))
  controller.abort(new Error('caller left'))
  await expect(waiting).rejects.toThrow('caller left')
  expect(late).toEqual([])
  resolve('connection 7')
  await promise
  expect(late).toEqual(['connection 7'])
})

test('waitOrAbort() gives a value to the caller or to onLate, never to both', async () => {
  const value = Promise.resolve('connection 7') // settled already, and the signal aborted already
  const late: string[] = []
  const waiting = waitOrAbort(value, AbortSignal.abort(new Error('caller left')), (it) => void late.push(it))
  await expect(waiting).rejects.toThrow('caller left')
  expect(late).toEqual(['connection 7'])

  const controller = new AbortController()
  const kept: string[] = []
  const both = waitOrAbort(value, controller.signal, (it) => void kept.push(it))
  controller.abort() // after the value settled, in the same turn
  const got = await both.catch(() => undefined)
  expect([got, ...kept].filter(Boolean)).toHaveLength(1)
})

test('waitOrAbort() leaves no unhandled rejection when the promise fails after the abort', async () => {
  const unhandled = await unhandledDuring(async () => {
    const { promise, reject } = deferred<number>()
    await waitOrAbort(promise, AbortSignal.abort()).catch(() => {})
    reject(new Error('too late'))
  })
  expect(unhandled).toEqual([])
})

test('waitOrAbort() leaves no unhandled rejection when onLate throws', async () => {
  const unhandled = await unhandledDuring(async () => {
    const onLate = (): never => {
      throw new Error('release failed')
    }
    await waitOrAbort(Promise.resolve(1), AbortSignal.abort(), onLate).catch(() => {})
  })
  expect(unhandled).toEqual([])
})

test('the check for unhandled rejections sees one', async () => {
  const unhandled = await unhandledDuring(async () => {
    void Promise.reject(new Error('forgotten'))
  })
  expect(unhandled).toEqual([new Error('forgotten')])
})

/** What the process reports while `run` and a whole turn of the event loop after it go on. */
async function unhandledDuring(run: () => Promise<void>): Promise<unknown[]> {
  const others = process.listeners('unhandledRejection')
  const seen: unknown[] = []
  const listener = (reason: unknown): number => seen.push(reason)
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', listener)
  try {
    await run()
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.off('unhandledRejection', listener)
    for (const other of others) process.on('unhandledRejection', other)
  }
  return seen
}

interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}
