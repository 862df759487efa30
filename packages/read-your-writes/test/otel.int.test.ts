import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readYourWritesMetrics } from '@quorate/read-your-writes/otel'
import { startBench, type Bench } from './setup.ts'

/** An hour: only what the test flushes is exported. */
const NEVER_MS = 3_600_000

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterAll(() => bench[Symbol.asyncDispose]())

test('a router in use shows in metrics: where reads went, and how far replicas are behind', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: NEVER_MS })
  await using meterProvider = Object.assign(new MeterProvider({ readers: [reader] }), {
    [Symbol.asyncDispose]: () => meterProvider.shutdown(),
  })
  const metrics = readYourWritesMetrics({ meterProvider })
  await using router = await bench.router({ waitMs: 0, onEvent: metrics.onEvent })
  const { db } = router
  const observed = metrics.observe(db)
  const session = db.session({ key: 'ann' })
  for (const replica of bench.replicas) await replica.pauseReplay()
  for (let n = 0; n < 3; n++) await db.read((q) => q.query('SELECT 1'), { session })
  await db.write((tx) => tx.query(`INSERT INTO note VALUES ('metrics', 1)`), { session })
  for (let n = 0; n < 2; n++) await db.read((q) => q.query('SELECT 1'), { session })
  const valuesOf = async (name: string): Promise<number[]> => {
    exporter.reset()
    await meterProvider.forceFlush()
    const all = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((one) => one.metrics))
    const points = all.find(({ descriptor }) => descriptor.name === `quorate.ryw.${name}`)?.dataPoints ?? []
    return points.map(({ value }) => (typeof value === 'number' ? value : value.count))
  }
  expect(await valuesOf('reads')).toEqual([3, 2])
  expect(await valuesOf('spills')).toEqual([2])
  expect(await valuesOf('writes')).toEqual([1])
  expect(await valuesOf('primary.reachable')).toEqual([1])
  // The probes find out with time.
  while ((await valuesOf('replica.lag.size')).filter((bytes) => bytes > 0).length < 2);
  const lags = await valuesOf('replica.lag')
  expect(lags).toHaveLength(2)
  expect(lags.every((seconds) => seconds > 0)).toBe(true)
  observed[Symbol.dispose]()
})
