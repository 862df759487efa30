/** Values of attributes as used here. */
export type Attributes = Readonly<Record<string, string>>

interface InstrumentOptions {
  readonly description?: string
  readonly unit?: string
  readonly advice?: { explicitBucketBoundaries?: number[] }
}

/** The part of a counter that is used here. */
export interface CounterLike {
  add(value: number, attributes?: Attributes): void
}

/** The part of a histogram that is used here. */
export interface HistogramLike {
  record(value: number, attributes?: Attributes): void
}

/** What an observable instrument is told when it is read. */
export type ObserveCallback = (result: { observe(value: number, attributes?: Attributes): void }) => void

/** The part of an observable instrument that is used here. */
export interface ObservableLike {
  addCallback(callback: ObserveCallback): void
  removeCallback(callback: ObserveCallback): void
}

/** The part of a `Meter` of `@opentelemetry/api` that is used here. */
export interface MeterLike {
  createCounter(name: string, options?: InstrumentOptions): CounterLike
  createHistogram(name: string, options?: InstrumentOptions): HistogramLike
  createObservableGauge(name: string, options?: InstrumentOptions): ObservableLike
  createObservableUpDownCounter(name: string, options?: InstrumentOptions): ObservableLike
}

/** The part of a `MeterProvider` that is used here. */
export interface MeterProviderLike {
  getMeter(name: string, version?: string): MeterLike
}

/** What is measured. */
export interface Instruments {
  readonly reads: CounterLike
  readonly spills: CounterLike
  readonly waits: HistogramLike
  readonly staleness: HistogramLike
  readonly writes: CounterLike
  readonly failovers: CounterLike
  readonly changes: CounterLike
  readonly rejected: CounterLike
  readonly late: CounterLike
  readonly lag: ObservableLike
  readonly lagSize: ObservableLike
  readonly status: ObservableLike
  readonly reachable: ObservableLike
}

/** In seconds, from the shortest poll to beyond the lag that ejects a replica by default. */
const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * Names and units by the general rules of OpenTelemetry's semantic conventions: dots between namespaces,
 * seconds and bytes, counts in braces. There are no conventions for replicas and tokens to use instead.
 */
export function instrumentsOf(meter: MeterLike): Instruments {
  const counter = (name: string, unit: string, description: string): CounterLike =>
    meter.createCounter(`quorate.ryw.${name}`, { unit: `{${unit}}`, description })
  const seconds = (name: string, description: string): HistogramLike =>
    meter.createHistogram(`quorate.ryw.${name}`, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: SECONDS },
    })
  const gauge = (name: string, unit: string, description: string): ObservableLike =>
    meter.createObservableGauge(`quorate.ryw.${name}`, { unit, description })
  return {
    reads: counter('reads', 'read', 'Reads, by target, level and why the primary.'),
    spills: counter('spills', 'read', 'Reads that a replica should have served and the primary did, by why.'),
    waits: seconds('wait.duration', 'How long reads waited for a replica, of those that did wait.'),
    staleness: seconds('staleness', 'How old at most what reads saw on replicas was, as far as known.'),
    writes: counter('writes', 'write', 'Writes that moved a position.'),
    failovers: counter('failovers', 'failover', 'Promotions that were noticed.'),
    changes: counter('replica.status.changes', 'change', 'Changes of the standing of replicas.'),
    rejected: counter('tokens.rejected', 'token', 'Tokens that were not taken, by why.'),
    late: counter('tokens.late', 'token', 'Tokens that moved after they could be handed on.'),
    lag: gauge('replica.lag', 's', 'How far each replica is behind, in time.'),
    lagSize: gauge('replica.lag.size', 'By', 'How far each replica is behind, in log that is not replayed.'),
    status: meter.createObservableUpDownCounter('quorate.ryw.replica.status', {
      unit: '{replica}',
      description: '1 for the standing that a replica has, 0 for the others.',
    }),
    reachable: gauge('primary.reachable', '1', '1 while the primary answers, 0 while it does not.'),
  }
}
