import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { expect, test } from 'vitest'
import { CannotPrepareError, InDoubtError, TransactionTimeoutError } from '../errors.ts'
import type { CoordinatorEvent } from '../events.ts'
import type { CoordinatorSpans, SpanStep } from '../spans.ts'
import { factsOf } from './errors.ts'
import { type SpanLike, type TracerLike, twoPhaseCommitSpans } from './spans.ts'

/** The real SDK, and what it exports. */
function sdk() {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  return { exporter, tracerProvider }
}

const id = 'shop.1.1'
const STEP: SpanStep = { operation: 'COMMIT', server: 'payments' }
const serverError = Object.assign(new Error('duplicate key'), { code: '23505', severity: 'ERROR' })

/** A transaction that reports these, and then ends. */
const report =
  (events: readonly CoordinatorEvent[], end: () => Promise<string>) =>
  async (onEvent: ((event: CoordinatorEvent) => void) | undefined): Promise<string> => {
    for (const event of events) onEvent?.(event)
    return end()
  }

test('each end of a transaction is in its span', async () => {
  const { exporter, tracerProvider } = sdk()
  const spans = twoPhaseCommitSpans({ tracerProvider, name: 'shop' })
  const inDoubt = new InDoubtError(id, serverError)
  const cases: readonly (readonly [readonly CoordinatorEvent[], () => Promise<string>])[] = [
    [
      [
        { type: 'committed', id, how: 'two-phase', durationMs: 4 },
        { type: 'unfinished', id, decision: 'commit', left: ['orders'] },
        { type: 'slow', id, durationMs: 500, adviseMs: 100 },
      ],
      async () => 'done',
    ],
    [[{ type: 'in-doubt', id, error: inDoubt }], () => Promise.reject(inDoubt)],
    [[], () => Promise.reject(new DOMException('The user left', 'AbortError'))],
    [[], () => Promise.reject('a string')], // oxlint-disable-line prefer-promise-reject-errors
  ]
  for (const [events, end] of cases) {
    await spans.transaction(['payments', 'orders'], report(events, end)).catch(() => {})
  }
  const common = {
    'db.system.name': 'postgresql',
    'quorate.tpc.name': 'shop',
    'quorate.tpc.participants': ['payments', 'orders'],
  }
  const ended = exporter.getFinishedSpans()
  expect(ended.map(({ attributes }) => attributes)).toEqual([
    {
      ...common,
      'quorate.tpc.id': id,
      'quorate.tpc.outcome': 'committed',
      'quorate.tpc.how': 'two-phase',
      'quorate.tpc.left': ['orders'],
    },
    {
      ...common,
      'quorate.tpc.id': id,
      'quorate.tpc.outcome': 'in-doubt',
      'error.type': 'QUORATE_TPC_IN_DOUBT',
      'db.response.status_code': '23505',
    },
    { ...common, 'error.type': 'cancelled' },
    { ...common, 'error.type': 'other' },
  ])
  expect(ended.map(({ status }) => status)).toEqual([
    { code: 0 },
    { code: 2, message: inDoubt.message },
    { code: 2, message: 'The user left' },
    { code: 2 },
  ])
  expect(new Set(ended.map(({ name }) => name))).toEqual(new Set(['quorate.tpc.transaction']))
  expect(new Set(ended.map(({ instrumentationScope }) => instrumentationScope.name))).toEqual(
    new Set(['@quorate/two-phase-commit']),
  )
})

test('a recovery that ended, one that could not, and one that nobody answered', async () => {
  const { exporter, tracerProvider } = sdk()
  const spans = twoPhaseCommitSpans({ tracer: tracerProvider.getTracer('own') })
  const nobody: ReadonlySet<string> = new Set()
  const cause = new TransactionTimeoutError(5)
  const drives = [
    { decision: 'abort' as const, left: nobody, cause: undefined },
    { decision: 'commit' as const, left: new Set(['orders']), cause },
    { decision: undefined, left: new Set(['orders']), cause },
  ]
  for (const drive of drives) expect(await spans.recovery(id, ['orders'], async () => drive)).toBe(drive)
  const attributes = exporter.getFinishedSpans().map((span) => span.attributes)
  const failed = { 'quorate.tpc.left': ['orders'], 'error.type': 'QUORATE_TPC_TIMEOUT' }
  const common = {
    'db.system.name': 'postgresql',
    'quorate.tpc.id': id,
    'quorate.tpc.participants': ['orders'],
  }
  expect(attributes).toEqual([
    { ...common, 'quorate.tpc.decision': 'abort' },
    { ...common, 'quorate.tpc.decision': 'commit', ...failed },
    { ...common, ...failed },
  ])
  expect(exporter.getFinishedSpans().map(({ status }) => status.code)).toEqual([0, 2, 2])
})

const SPAN: SpanLike = { setAttribute: () => {}, setStatus: () => {}, end: () => {} }
const fail = (): never => {
  throw new Error('the tracer is broken')
}
const tracerOf = (start: (run: (span: SpanLike) => unknown) => unknown): TracerLike => ({
  startActiveSpan: <T>(_name: string, _options: unknown, run: (span: SpanLike) => T) => start(run) as T,
})

test('each span that a tracer hands out ends, also one that comes too often or too late', async () => {
  let open = 0
  const span = (): SpanLike => {
    open++
    return { ...SPAN, end: () => open-- }
  }
  for (const tracer of [
    tracerOf((run) => [run(span()), run(span())]),
    tracerOf((run) => queueMicrotask(() => run(span()))),
  ]) {
    expect(await twoPhaseCommitSpans({ tracer }).step(STEP, async () => 'done')).toBe('done')
    expect(open).toBe(0)
  }
})

test.each<[string, TracerLike]>([
  ['throws at once', tracerOf(fail)],
  ['never calls', tracerOf(() => undefined)],
  ['calls too late', tracerOf((run) => queueMicrotask(() => run(SPAN)))],
  ['calls twice', tracerOf((run) => [run(SPAN), run(SPAN)])],
  [
    'throws after the call',
    tracerOf((run) => {
      run(SPAN)
      return fail()
    }),
  ],
  ['has broken spans', tracerOf((run) => run({ setAttribute: fail, setStatus: fail, end: fail }))],
])('a tracer that %s changes nothing of what is drawn', async (_, tracer) => {
  const spans = twoPhaseCommitSpans({ tracer })
  let calls = 0
  const thrown = new Error('no')
  const done = async (): Promise<string> => `call ${++calls}`
  const fails = async (): Promise<never> => {
    calls++
    throw thrown
  }
  const events: CoordinatorEvent[] = [{ type: 'slow', id, durationMs: 1, adviseMs: 0 }]
  expect(await spans.step(STEP, done)).toBe('call 1')
  await expect(spans.step(STEP, fails)).rejects.toBe(thrown)
  expect(await spans.transaction(['a'], report(events, done))).toBe('call 3')
  await expect(spans.transaction(['a'], report(events, fails))).rejects.toBe(thrown)
  const drive = { decision: undefined, left: new Set<string>(), cause: thrown }
  expect(await spans.recovery(id, ['a'], async () => drive)).toBe(drive)
  expect(calls).toBe(4)
})

test('an error is known by the first code of Quorate in its causes, and the first of a server', () => {
  expect(factsOf(new Error('no', { cause: new CannotPrepareError('orders', serverError) }))).toMatchObject({
    type: 'QUORATE_TPC_CANNOT_PREPARE',
    status: '23505',
  })
  expect(factsOf(new Error('wrapped', { cause: serverError }))).toEqual({
    type: '23505',
    status: '23505',
    message: 'wrapped',
  })
  const circle = new Error('round')
  circle.cause = circle
  expect(factsOf(circle)).toEqual({ type: 'Error', status: undefined, message: 'round' })
})

test('wrong options are refused', () => {
  const make = (options: object): CoordinatorSpans => twoPhaseCommitSpans(options)
  const { tracerProvider } = sdk()
  expect(() => make({})).toThrow(/pass either a tracer or a tracerProvider/)
  expect(() => make({ tracerProvider, tracer: tracerProvider.getTracer('own') })).toThrow(/either/)
  expect(() => make({ tracer: {} })).toThrow(/must be a tracer of @opentelemetry\/api/)
  expect(() => make({ tracerprovider: tracerProvider })).toThrow(/unknown option tracerprovider/)
})
