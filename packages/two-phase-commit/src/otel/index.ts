/**
 * Metrics of a coordinator for OpenTelemetry.
 * @packageDocumentation
 */
export type { Attributes, CounterLike, HistogramLike, MeterLike, MeterProviderLike } from './instruments.ts'
export {
  type TwoPhaseCommitMetrics,
  twoPhaseCommitMetrics,
  type TwoPhaseCommitMetricsOptions,
} from './metrics.ts'
