/**
 * Metrics and spans of a coordinator for OpenTelemetry.
 * @packageDocumentation
 */
export type { Attributes, CounterLike, HistogramLike, MeterLike, MeterProviderLike } from './instruments.ts'
export {
  type TwoPhaseCommitMetrics,
  twoPhaseCommitMetrics,
  type TwoPhaseCommitMetricsOptions,
} from './metrics.ts'
export {
  type SpanAttributes,
  type SpanLike,
  type SpanOptionsLike,
  type TracerLike,
  type TracerProviderLike,
  twoPhaseCommitSpans,
  type TwoPhaseCommitSpansOptions,
} from './spans.ts'
