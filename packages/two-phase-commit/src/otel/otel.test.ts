import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { expect, test } from 'vitest'
import { InDoubtError, TransactionTimeoutError } from '../errors.ts'
import type { CoordinatorEvent } from '../events.ts'
import { twoPhaseCommitMetrics } from './metrics.ts'

/** An hour: only what the test flushes is exported. */
const NEVER_MS = 3_600_000

/** The real SDK, and what it exports: the value of each series, by name and attributes. */
function sdk(): {
  readonly meterProvider: MeterProvider
  readonly exported: () => Promise<Record<string, unknown>>
} {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: NEVER_MS })
  const meterProvider = new MeterProvider({ readers: [reader] })
  return {
    meterProvider,
    exported: async () => {
      exporter.reset()
      await meterProvider.forceFlush()
      const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
      return Object.fromEntries(
        metrics.flatMap(({ scope, metrics: all }) =>
          all.flatMap(({ descriptor, dataPoints }) =>
            dataPoints.map(({ attributes, value }) => {
              const labels = Object.entries(attributes).map(
                ([key, is]) => `${key.replace('quorate.tpc.', '')}=${String(is)}`,
              )
              const key = `${scope.name} ${descriptor.name}{${labels.join(' ')}} ${descriptor.unit}`
              return [key, typeof value === 'object' ? { count: value.count, sum: value.sum } : value]
            }),
          ),
        ),
      )
    },
  }
}

const id = 'shop.1.1'

test('events become counters and histograms', async () => {
  const { meterProvider, exported } = sdk()
  const { onEvent } = twoPhaseCommitMetrics({ meterProvider })
  const aborted = (error: unknown): CoordinatorEvent => ({ type: 'aborted', id, error, durationMs: 500 })
  const events: CoordinatorEvent[] = [
    { type: 'committed', id, how: 'two-phase', durationMs: 4 },
    { type: 'committed', id, how: 'two-phase', durationMs: 8 },
    { type: 'committed', id, how: 'one-phase', durationMs: 2 },
    aborted(new TransactionTimeoutError(500)),
    aborted(new DOMException('The user left', 'AbortError')),
    aborted(new RangeError('no such order')),
    aborted(undefined),
    { type: 'in-doubt', id, error: new InDoubtError(id, undefined) },
    { type: 'unfinished', id, decision: 'commit', left: ['orders'] },
    { type: 'slow', id, durationMs: 500, adviseMs: 100 },
    { type: 'regions-differ', regions: { payments: 'us', orders: 'eu' } },
    { type: 'recovered', id, decision: 'commit', participants: ['orders'] },
    { type: 'recovered', id, decision: 'abort', participants: ['orders'] },
    { type: 'orphan', id, participant: 'orders', ageMs: 90_000 },
    { type: 'recovery-failed', server: 'orders', error: new Error('gone') },
    { type: 'recovery-elsewhere' },
    { type: 'epoch-closed', epoch: '1', name: 'shop' },
    { type: 'overridden', id, decision: 'abort', recorded: undefined },
  ]
  for (const event of events) onEvent(event)
  const scope = '@quorate/two-phase-commit quorate.tpc'
  expect(await exported()).toEqual({
    [`${scope}.transaction.duration{outcome=committed how=two-phase} s`]: { count: 2, sum: 0.012 },
    [`${scope}.transaction.duration{outcome=committed how=one-phase} s`]: { count: 1, sum: 0.002 },
    [`${scope}.transaction.duration{outcome=aborted error.type=QUORATE_TPC_TIMEOUT} s`]: {
      count: 1,
      sum: 0.5,
    },
    [`${scope}.transaction.duration{outcome=aborted error.type=cancelled} s`]: { count: 1, sum: 0.5 },
    [`${scope}.transaction.duration{outcome=aborted error.type=other} s`]: { count: 2, sum: 1 },
    [`${scope}.in_doubt{} {transaction}`]: 1,
    [`${scope}.unfinished{decision=commit} {transaction}`]: 1,
    [`${scope}.slow{} {transaction}`]: 1,
    [`${scope}.recovered{decision=commit} {transaction}`]: 1,
    [`${scope}.recovered{decision=abort} {transaction}`]: 1,
    [`${scope}.orphan.age{participant=orders} s`]: { count: 1, sum: 90 },
    [`${scope}.recovery.failures{server=orders} {failure}`]: 1,
    [`${scope}.epochs.closed{} {epoch}`]: 1,
    [`${scope}.overrides{decision=abort} {transaction}`]: 1,
  })
})

test('a meter of one’s own, and a name', async () => {
  const { meterProvider, exported } = sdk()
  const { onEvent } = twoPhaseCommitMetrics({ meter: meterProvider.getMeter('own'), name: 'shop' })
  onEvent({ type: 'slow', id, durationMs: 500, adviseMs: 100 })
  expect(await exported()).toEqual({ 'own quorate.tpc.slow{name=shop} {transaction}': 1 })
})

test('wrong options are refused', () => {
  const make = (options: object): unknown => twoPhaseCommitMetrics(options)
  const { meterProvider } = sdk()
  expect(() => make({})).toThrow(/pass either a meter or a meterProvider/)
  expect(() => make({ meterProvider, meter: meterProvider.getMeter('own') })).toThrow(/either/)
  expect(() => make({ meter: {} })).toThrow(/must be a meter of @opentelemetry\/api/)
  expect(() => make({ meterprovider: meterProvider })).toThrow(/unknown option meterprovider/)
})
