/**
 * Metrics of a router for OpenTelemetry.
 * @packageDocumentation
 */
export type {
  Attributes,
  CounterLike,
  HistogramLike,
  MeterLike,
  MeterProviderLike,
  ObservableLike,
  ObserveCallback,
} from './instruments.ts'
export {
  type MeasuredEvent,
  type ObservedRouter,
  type ReadYourWritesMetrics,
  type ReadYourWritesMetricsOptions,
  readYourWritesMetrics,
} from './metrics.ts'
