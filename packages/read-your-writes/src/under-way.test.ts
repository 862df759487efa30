import { expect, test } from 'vitest'
import { UnderWay, type Deadline, type UntilOptions } from './under-way.ts'

const never = (): Promise<never> => new Promise(() => {})

test('until() gives what the attempt gives, and its error', async () => {
  const underWay = new UnderWay()
  const error = new Error('mine')
  await expect(underWay.until(Promise.resolve(5))).resolves.toBe(5)
  await expect(underWay.until(Promise.reject(error))).rejects.toBe(error)
})

test('giveUp(), the signal and the deadline each end a wait once, and say that it was abandoned', async () => {
  const underWay = new UnderWay()
  const abort = new AbortController()
  const abandoned: string[] = []
  const wait = (name: string, options: object): Promise<never> =>
    underWay.until(never(), { ...options, abandon: () => abandoned.push(name) })
  const late = new Error('late')
  const waits = [
    wait('signal', { signal: abort.signal }),
    wait('deadline', { deadline: { atMs: 10, error: () => late } }),
    wait('given up', { deadline: { atMs: 11, error: () => late } }),
  ]
  const outcomes = Promise.allSettled(waits)
  abort.abort('enough')
  underWay.giveUpLate(10)
  underWay.giveUp('gone')
  underWay.giveUp('gone again')
  underWay.giveUpLate(20)
  expect(await outcomes).toMatchObject([{ reason: 'enough' }, { reason: late }, { reason: 'gone' }])
  expect(abandoned).toEqual(['signal', 'deadline', 'given up'])
})

test('a signal that is aborted already ends the wait at once; the late failure of the attempt is nobody’s', async () => {
  const underWay = new UnderWay()
  let abandoned = 0
  const late = Promise.reject(new Error('late'))
  const wait = underWay.until(late, { signal: AbortSignal.abort('before'), abandon: () => abandoned++ })
  await expect(wait).rejects.toBe('before')
  expect(abandoned).toBe(1)
})

test('nothing is kept of waits that are over: neither entries nor listeners', async () => {
  const underWay = new UnderWay()
  const abort = new AbortController()
  let listeners = 0
  const { signal } = abort
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
  signal.addEventListener = (...input: Parameters<typeof add>) => (listeners++, add(...input))
  signal.removeEventListener = (...input: Parameters<typeof remove>) => (listeners--, remove(...input))
  for (let round = 0; round < 10; round++) await underWay.until(Promise.resolve(), { signal })
  expect(listeners).toBe(0)
  const abandon = (): never => {
    throw new Error('still there')
  }
  await underWay.until(Promise.resolve(), { abandon })
  expect(() => underWay.giveUp('all')).not.toThrow()
})

test('a deadline may change while it is waited for', async () => {
  const underWay = new UnderWay()
  const late = new Error('late')
  const options: UntilOptions & { deadline?: Deadline } = { deadline: { atMs: 10, error: () => late } }
  const wait = underWay.until(never(), options)
  delete options.deadline
  underWay.giveUpLate(10)
  options.deadline = { atMs: 20, error: () => late }
  underWay.giveUpLate(19)
  underWay.giveUp('only now')
  await expect(wait).rejects.toBe('only now')
})
