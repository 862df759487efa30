/**
 * The whole shop in one process: real databases, six services, the outside world, and the gateway in
 * front. Each service listens on a port of its own and reaches the others over HTTP only, so taking one
 * out into a process of its own changes nothing but this file.
 */
import { join } from 'node:path'
import { localCluster, type ClusterEvent } from '@quorate/local-cluster'
import {
  closePools,
  DATABASES,
  keepDistance,
  openPools,
  type ShopCluster,
  type ShopPools,
} from './databases.ts'
import { drain, type DrainOptions } from './drain.ts'
import type { Overselling } from './services/inventory/overselling.ts'
import { openLogs, type LogLevel } from './shared/logging.ts'
import type { ServiceUrls } from './start-services.ts'
import { ensureStorefront } from './storefront/ensure-storefront.ts'
import { stepFeed, type StepListener } from './steps.ts'

export type { ShopPools } from './databases.ts'
export type { DrainOptions } from './drain.ts'
export type { StepEvent, StepListener } from './steps.ts'

/** What is coming up, for a progress line. */
export type StartProgress =
  /** Something is fetched or made that the next start will find ready. */
  | { readonly phase: 'preparing'; readonly detail: string }
  | { readonly phase: 'databases' | 'services'; readonly done: number; readonly total: number }

export interface ShopOptions {
  /** Keeps all data there; the next start goes on with it, also after a kill −9. Default: a temporary folder. */
  readonly dataDir?: string | undefined
  /** Default: free ports. */
  readonly ports?: { readonly gateway?: number | undefined } | undefined
  /** Where the services' log lines go. Default: a file beside the databases. */
  readonly logFile?: string | undefined
  /** Default `info`. */
  readonly logLevel?: LogLevel | undefined
  /** From the warehouse's door to the customer's, ms. Default 150. */
  readonly deliveryMs?: number | undefined
  /** What keeps inventory from selling a unit twice. Default `optimistic`. */
  readonly overselling?: Overselling | undefined
  /** How long a checkout waits for its decision before it answers 202, ms. Default 20,000. */
  readonly patienceMs?: number | undefined
  /** Between two looks of a payout worker, ms. Default 1,000. */
  readonly payoutEveryMs?: number | undefined
  /** Gives up the start; what has started by then is ended. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: StartProgress) => void) | undefined
}

export interface Shop extends AsyncDisposable {
  /** The public API, and the storefront if it is built. */
  readonly gatewayUrl: string
  /** Where each service listens, the outside world included. For tests that look inside. */
  readonly urls: ServiceUrls
  /** The databases: to kill, pause, promote and lag. */
  readonly cluster: ShopCluster
  /** Straight into each service's database. For proofs, not for features. */
  readonly pools: ShopPools
  readonly logFile: string
  /** Hears of each step of each order as it ends. @returns how to stop listening. */
  readonly onStep: (listener: StepListener) => () => void
  /** Resolves when no order or refund is under way. @throws when `signal` is aborted. */
  drain(options?: DrainOptions): Promise<void>
  /** Ends everything and removes what is temporary; may be called again. */
  stop(): Promise<void>
}

/** Brings the shop up. When it rejects, nothing is left running. */
export async function startShop(options: ShopOptions = {}): Promise<Shop> {
  const { signal, onProgress } = options
  signal?.throwIfAborted()
  // Loading the code and starting the databases have nothing to do with each other.
  const loading = import('./start-services.ts')
  loading.catch(() => {})
  const building = ensureStorefront()
  building.catch(() => {})
  let moved = (): void => {}
  const cluster: ShopCluster = await localCluster({
    ...DATABASES,
    dataDir: options.dataDir,
    signal,
    onEvent: (event: ClusterEvent) => {
      if (event.type === 'preparing') onProgress?.({ phase: 'preparing', detail: event.detail })
      if (event.type === 'server-ready') {
        onProgress?.({ phase: 'databases', done: event.started, total: event.total })
      }
      if (event.type === 'promoted') moved()
    },
  })
  const undo: (() => Promise<unknown>)[] = [() => cluster.stop()]
  try {
    await keepDistance(cluster)
    const logFile = options.logFile ?? join(cluster.dir, 'shopfleet.log')
    const logs = openLogs(logFile, options.logLevel ?? 'info')
    undo.push(() => logs.close())
    const opened = openPools(cluster, logs.of('shop'))
    const { pools } = opened
    moved = opened.moved
    undo.push(() => closePools(pools))
    const steps = stepFeed()
    const { startServices } = await loading
    const urls = await startServices({
      pools,
      redis: { ...opened.redis, locks: cluster.redis.locks.primary.url },
      logs,
      gatewayPort: options.ports?.gateway ?? 0,
      webFolder: await building,
      deliveryMs: options.deliveryMs ?? 150,
      overselling: options.overselling,
      patienceMs: options.patienceMs ?? 20_000,
      payoutEveryMs: options.payoutEveryMs ?? 1_000,
      onSaga: steps.onSaga,
      onStarted: (done, total) => onProgress?.({ phase: 'services', done, total }),
      undo,
      signal,
    })

    let stopped: Promise<void> | undefined
    const stop = (): Promise<void> => (stopped ??= unwind(undo))
    return {
      gatewayUrl: urls.gateway,
      urls,
      cluster,
      pools,
      logFile,
      onStep: steps.subscribe,
      drain: (drainOptions) => drain(urls.orders, drainOptions),
      stop,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await unwind(undo)
    throw error
  }
}

/** Last started, first stopped; one that fails does not keep the others running. */
async function unwind(undo: (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const step of undo.toReversed()) {
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  }
  undo.length = 0
  if (failures.length > 0) throw new AggregateError(failures, 'Some parts of the shop did not stop')
}
