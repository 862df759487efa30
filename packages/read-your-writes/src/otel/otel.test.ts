import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { expect, test } from 'vitest'
import type { ReadYourWritesEvent } from '../events.ts'
import type { RedisReadYourWritesEvent } from '../ioredis/events.ts'
import { bounded } from '../level.ts'
import type { WindowEvent } from '../window/events.ts'
import { readYourWritesMetrics, type ObservedRouter, type ReadYourWritesMetricsOptions } from './metrics.ts'

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
        metrics.flatMap(({ metrics: all }) =>
          all.flatMap(({ descriptor, dataPoints }) =>
            dataPoints.map(({ attributes, value }) => {
              const labels = Object.entries(attributes).map(
                ([key, is]) => `${key.split('.').at(-1)}=${String(is)}`,
              )
              const key = `${descriptor.name}{${labels.join(' ')}} ${descriptor.unit}`
              return [key, typeof value === 'object' ? { count: value.count, sum: value.sum } : value]
            }),
          ),
        ),
      )
    },
  }
}

const read = (facts: Partial<Extract<ReadYourWritesEvent, { type: 'read' }>>): ReadYourWritesEvent => ({
  type: 'read',
  level: 'monotonic',
  target: 'r1',
  reason: undefined,
  waitedMs: 0,
  stalenessMs: undefined,
  ...facts,
})

test('events become counters and histograms', async () => {
  const { meterProvider, exported } = sdk()
  const { onEvent } = readYourWritesMetrics({ meterProvider })
  const events: ReadYourWritesEvent[] = [
    read({ stalenessMs: 20 }),
    read({ stalenessMs: 40, waitedMs: 8 }),
    read({ level: bounded({ maxLagMs: 5 }), target: 'r2' }),
    read({ target: 'primary', reason: 'behind', waitedMs: 10, stalenessMs: 0 }),
    read({ target: 'primary', reason: 'strong', level: 'strong', stalenessMs: 0 }),
    { type: 'write', lsn: '0/1', timeline: 1 },
    { type: 'write', lsn: '0/2', timeline: 1 },
    { type: 'replica', id: 'r1', status: 'lagging', was: 'healthy', lag: { ms: 3_000, bytes: 1 } },
    { type: 'primary', reachable: false },
    { type: 'timeline', timeline: 2, was: 1 },
    { type: 'token-rejected', rejection: 'tampered' },
    { type: 'token-late' },
    { type: 'missing-privilege', id: 'r1' },
  ]
  for (const event of events) onEvent(event)
  expect(await exported()).toEqual({
    'quorate.ryw.reads{target=r1 level=monotonic} {read}': 2,
    'quorate.ryw.reads{target=r2 level=bounded} {read}': 1,
    'quorate.ryw.reads{target=primary level=monotonic reason=behind} {read}': 1,
    'quorate.ryw.reads{target=primary level=strong reason=strong} {read}': 1,
    'quorate.ryw.spills{reason=behind} {read}': 1,
    'quorate.ryw.wait.duration{target=r1} s': { count: 1, sum: 0.008 },
    'quorate.ryw.wait.duration{target=primary} s': { count: 1, sum: 0.01 },
    'quorate.ryw.staleness{target=r1} s': { count: 2, sum: 0.06 },
    'quorate.ryw.writes{} {write}': 2,
    'quorate.ryw.replica.status.changes{replica=r1 status=lagging} {change}': 1,
    'quorate.ryw.failovers{} {failover}': 1,
    'quorate.ryw.tokens.rejected{rejection=tampered} {token}': 1,
    'quorate.ryw.tokens.late{} {token}': 1,
  })
})

test('the standing of the servers is looked at when metrics are read, until disposed of', async () => {
  const { meterProvider, exported } = sdk()
  const metrics = readYourWritesMetrics({ meter: meterProvider.getMeter('own'), name: 'shop' })
  const replicas: {
    -readonly [K in keyof ObservedRouter['replicas'][number]]: ObservedRouter['replicas'][number][K]
  }[] = [
    { id: 'r1', status: 'healthy', lag: { ms: 15, bytes: 4_096 } },
    { id: 'r2', status: 'unknown', lag: undefined },
  ]
  const db = { primary: { reachable: undefined as boolean | undefined }, replicas }
  const observed = metrics.observe(db)
  const first = await exported()
  expect(first).toMatchObject({
    'quorate.ryw.replica.lag{name=shop replica=r1} s': 0.015,
    'quorate.ryw.replica.lag.size{name=shop replica=r1} By': 4_096,
    'quorate.ryw.replica.status{name=shop replica=r1 status=healthy} {replica}': 1,
    'quorate.ryw.replica.status{name=shop replica=r1 status=down} {replica}': 0,
    'quorate.ryw.replica.status{name=shop replica=r2 status=unknown} {replica}': 1,
  })
  // What is not known is not there.
  expect(Object.keys(first).filter((key) => /replica\.lag.*r2|reachable/.test(key))).toEqual([])
  db.primary.reachable = false
  replicas[0] = { id: 'r1', status: 'down', lag: undefined }
  const second = await exported()
  expect(second).toMatchObject({
    'quorate.ryw.primary.reachable{name=shop} 1': 0,
    'quorate.ryw.replica.status{name=shop replica=r1 status=healthy} {replica}': 0,
    'quorate.ryw.replica.status{name=shop replica=r1 status=down} {replica}': 1,
  })
  observed[Symbol.dispose]()
  db.primary.reachable = true
  // Nobody looks any more: what was seen last stays.
  expect(await exported()).toMatchObject({ 'quorate.ryw.primary.reachable{name=shop} 1': 0 })
})

test('the events of all routers fit', async () => {
  const { meterProvider, exported } = sdk()
  const { onEvent } = readYourWritesMetrics({ meterProvider })
  const redis: (event: RedisReadYourWritesEvent) => void = onEvent
  const window: (event: WindowEvent) => void = onEvent
  redis({ type: 'write', replid: 'a', offset: 1n })
  redis({ type: 'history', replid: 'b', was: 'a', end: 1n })
  window({ type: 'read', level: 'read-your-writes', target: 'r1', reason: undefined })
  window({ type: 'token-rejected', rejection: 'from-the-future' })
  expect(await exported()).toEqual({
    'quorate.ryw.writes{} {write}': 1,
    'quorate.ryw.failovers{} {failover}': 1,
    'quorate.ryw.reads{target=r1 level=read-your-writes} {read}': 1,
    'quorate.ryw.tokens.rejected{rejection=from-the-future} {token}': 1,
  })
})

test('either a meter or a provider is needed', () => {
  const { meterProvider } = sdk()
  expect(() => readYourWritesMetrics({})).toThrow(TypeError)
  const both = { meterProvider, meter: meterProvider.getMeter('own') }
  expect(() => readYourWritesMetrics(both)).toThrow('either a meter or a meterProvider')
  const misspelt = { meters: meterProvider } as ReadYourWritesMetricsOptions
  expect(() => readYourWritesMetrics(misspelt)).toThrow('unknown option meters')
})

test('refuses what is no meter', () => {
  const make = readYourWritesMetrics as (options?: unknown) => unknown
  expect(() => make()).toThrow(/Cannot make metrics: options must be an object, got undefined/)
  expect(() => make({})).toThrow(/pass either a meter or a meterProvider/)
  expect(() => make({ meter: {} })).toThrow(/must be a meter of @opentelemetry\/api; pass metrics\.getMeter/)
})
