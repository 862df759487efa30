import { expect, test } from 'vitest'
import { continueTrace, currentTrace, newTrace, traceparent, withTrace } from './trace.ts'

const HEADER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

test('continueTrace() keeps the trace id and makes a span of its own', () => {
  const trace = continueTrace(HEADER)
  expect(trace.traceId).toBe('0af7651916cd43dd8448eb211c80319c')
  expect(trace.spanId).not.toBe('b7ad6b7169203331')
})

test.each([
  [undefined],
  [''],
  ['nonsense'],
  ['00-00000000000000000000000000000000-b7ad6b7169203331-01'],
  [`${HEADER}-extra`],
])('continueTrace(%j) begins a new trace', (header) => {
  expect(continueTrace(header).traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(continueTrace(header).traceId).not.toBe(continueTrace(header).traceId)
})

test('traceparent() is read back by continueTrace()', () => {
  const trace = newTrace()
  expect(continueTrace(traceparent(trace)).traceId).toBe(trace.traceId)
})

test('withTrace() is seen across awaits and not outside', async () => {
  const trace = newTrace()
  const seen = await withTrace(trace, async () => {
    await Promise.resolve()
    return currentTrace()
  })
  expect(seen).toBe(trace)
  expect(currentTrace()).toBeUndefined()
})
