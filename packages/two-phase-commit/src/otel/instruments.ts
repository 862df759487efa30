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

/** The part of a `Meter` of `@opentelemetry/api` that is used here. */
export interface MeterLike {
  createCounter(name: string, options?: InstrumentOptions): CounterLike
  createHistogram(name: string, options?: InstrumentOptions): HistogramLike
}

/** The part of a `MeterProvider` that is used here. */
export interface MeterProviderLike {
  getMeter(name: string, version?: string): MeterLike
}

/** What is measured. */
export interface Instruments {
  readonly duration: HistogramLike
  readonly slow: CounterLike
  readonly inDoubt: CounterLike
  readonly unfinished: CounterLike
  readonly recovered: CounterLike
  readonly orphanAge: HistogramLike
  readonly failures: CounterLike
  readonly closed: CounterLike
  readonly overrides: CounterLike
}

/** In seconds: what holds locks should be over in a tenth of one. */
const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** From the age at which a prepared transaction is an orphan by default, to a day. */
const AGES = [60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400]

/**
 * Names and units by the general rules of OpenTelemetry's semantic conventions: dots between namespaces, seconds, counts
 * in braces. There are no conventions for distributed transactions to use instead.
 */
export function instrumentsOf(meter: MeterLike): Instruments {
  const counter = (name: string, unit: string, description: string): CounterLike =>
    meter.createCounter(`quorate.tpc.${name}`, { unit: `{${unit}}`, description })
  const seconds = (name: string, bounds: number[], description: string): HistogramLike =>
    meter.createHistogram(`quorate.tpc.${name}`, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: bounds },
    })
  const transaction = 'transaction'
  return {
    duration: seconds(
      'transaction.duration',
      SECONDS,
      'How long transactions took, by outcome, phases and error.',
    ),
    slow: counter('slow', transaction, 'Transactions that held their locks for longer than is good.'),
    inDoubt: counter('in_doubt', transaction, 'Transactions of which nobody could say how they ended.'),
    unfinished: counter('unfinished', transaction, 'Decided transactions that are left to recovery.'),
    recovered: counter('recovered', transaction, 'Transactions that recovery ended, by decision.'),
    orphanAge: seconds('orphan.age', AGES, 'Ages of prepared transactions, each time one was found too old.'),
    failures: counter('recovery.failures', 'failure', 'Servers that recovery could not work with.'),
    closed: counter('epochs.closed', 'epoch', 'Coordinators that were silent for too long.'),
    overrides: counter('overrides', transaction, 'Transactions that were decided by hand, by decision.'),
  }
}
