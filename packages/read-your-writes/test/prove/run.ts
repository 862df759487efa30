import { createChaos, type Link } from '@quorate/chaos'
import { checkSessions, createHistory, type CheckResult, type History } from '@quorate/checker'
import { seededRandom, systemClock } from '@quorate/core'
import { localCluster, type PostgresGroup } from '@quorate/local-cluster'
import { poolTo, strategy, type StrategyName } from './strategies.ts'
import { startSite } from './site.ts'
import { Visitor } from './visitor.ts'

/** How a strategy is run. */
export interface RunOptions {
  readonly seed: number | string
  /** Reads after writes. */
  readonly pairs: number
  readonly visitors?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: number) => void) | undefined
}

/** What came of it. */
export interface RunResult {
  readonly history: History
  readonly pairs: number
  /** Reads answered, and by the primary. */
  readonly reads: number
  readonly primaryReads: number
  readonly failed: number
  /** As the visitors counted, who know what they wrote. */
  readonly stale: number
  readonly backward: number
  /** As the checker judges, of the same history. */
  readonly judged: { readonly readYourWrites: CheckResult; readonly monotonicReads: CheckResult }
  readonly faults: readonly string[]
  readonly seconds: number
}

/** How long a replica lags, at most, ms. */
const MAX_LAG_MS = 500
const SWING_EVERY_MS = 200
/** After each so many pairs a visitor looks at what another one wrote. */
const LOOKS_ASIDE_EVERY = 5

/**
 * Visitors write and read back through Express, while replicas lag from 0 to 500 ms, one is killed, one is cut off,
 * and the primary is killed for good and replaced. Replication waits for one replica, as lost commits are lost for
 * any router; what is shown lags all the same.
 */
export async function runStrategy(name: StrategyName, options: RunOptions): Promise<RunResult> {
  const { seed, pairs, visitors: count = 24, signal, onProgress } = options
  await using cluster = await localCluster({
    postgres: { main: { replicas: 2, synchronous: true, settings: { max_connections: 120 } } },
    signal,
  })
  const { main } = cluster.postgres
  await using chaos = createChaos({ seed })
  const ports = [main.primary.port, ...main.replicas.map(({ port }) => port)]
  const [toPrimary, ...toReplicas] = await Promise.all(
    ports.map((port, at) =>
      chaos.link({ from: 'site', to: at === 0 ? 'primary' : `replica-${at}`, target: { port } }),
    ),
  )
  const pools = {
    primary: poolTo((toPrimary as Link).port),
    replicas: toReplicas.map(({ port }) => poolTo(port)),
  }
  await pools.primary.query('CREATE TABLE note (id text PRIMARY KEY, n int NOT NULL)')
  await Promise.all(main.replicas.map((replica) => replica.caughtUp({ signal })))

  let [reads, primaryReads] = [0, 0]
  const chosen = strategy(name, pools, systemClock, (isPrimary) => {
    reads++
    if (isPrimary) primaryReads++
  })
  await chosen.db?.ready()
  const history = createHistory({ name, clock: systemClock, initial: null })
  const startedAtMs = systemClock.monotonic()
  const faults: string[] = []
  const stopping = new AbortController()
  try {
    await using site = await startSite(chosen)
    const all = Array.from({ length: count }, (_, at) => new Visitor(`v${at + 1}`, site.port, history))
    let done = 0
    const milestones = new Milestones()
    const swinging = swing(main, seed, stopping.signal)
    const breaking = breakServers({
      main,
      toPrimary: toPrimary as Link,
      history,
      faults,
      /** Resolves when that share of the pairs is done. */
      after: (share) => milestones.reach(share),
    })
    let started = 0
    const work = all.map(async (visitor, at) => {
      const other = all[(at + 1) % count]?.id ?? visitor.id
      for (let round = 0; !stopping.signal.aborted; round++) {
        if (started >= pairs) return
        started++
        const answered = await visitor.pair()
        if (round % LOOKS_ASIDE_EVERY === 0) await visitor.read(other)
        if (answered) {
          done++
          onProgress?.(done)
          milestones.reached(done / pairs)
        } else {
          started-- // it does not count: another one is made for it
          await systemClock.sleep(20)
        }
        signal?.throwIfAborted()
      }
    })
    try {
      await Promise.all([...work, breaking])
    } finally {
      stopping.abort()
      milestones.reached(1)
      await swinging
    }
    // How many reads a replica got under such lag is chance; once it is calm they get them all the same.
    const isReplicaUsed = (): boolean => primaryReads < reads
    while (chosen.db !== undefined && !isReplicaUsed()) {
      await Promise.all(all.map((visitor) => visitor.read(visitor.id)))
      signal?.throwIfAborted()
    }
    for (const visitor of all) visitor.close()
    const sum = (what: keyof Visitor['counts']): number =>
      all.reduce((total, visitor) => total + visitor.counts[what], 0)
    return {
      history,
      pairs: done,
      reads,
      primaryReads,
      failed: sum('failed'),
      stale: sum('stale'),
      backward: sum('backward'),
      judged: {
        readYourWrites: checkSessions(history, {
          guarantees: ['read-your-writes'],
          versionOrder: 'ascending',
        }),
        monotonicReads: checkSessions(history, {
          guarantees: ['monotonic-reads'],
          versionOrder: 'ascending',
        }),
      },
      faults,
      seconds: (systemClock.monotonic() - startedAtMs) / 1_000,
    }
  } finally {
    stopping.abort()
    await chosen.stop()
    await Promise.all([pools.primary, ...pools.replicas].map((pool) => pool.end()))
  }
}

/** What replicas show lags from 0 to 500 ms, each by itself. A server that is down just now keeps its lag. */
async function swing(main: PostgresGroup, seed: number | string, signal: AbortSignal): Promise<void> {
  const random = seededRandom(`${seed}/lag`)
  while (!signal.aborted) {
    await Promise.all(
      main.replicas.map((replica) =>
        replica.applyDelay(Math.round(random() ** 2 * MAX_LAG_MS)).catch(() => {}),
      ),
    )
    await systemClock.sleep(SWING_EVERY_MS, { signal }).catch(() => {})
  }
}

interface Breaking {
  readonly main: PostgresGroup
  readonly toPrimary: Link
  readonly history: ReturnType<typeof createHistory>
  readonly faults: string[]
  readonly after: (share: number) => Promise<void>
}

/** Who waits for which share of the work. */
class Milestones {
  #share = 0
  #waiting: { readonly share: number; readonly go: () => void }[] = []

  reach(share: number): Promise<void> {
    if (share <= this.#share) return Promise.resolve()
    return new Promise((go) => this.#waiting.push({ share, go }))
  }

  reached(share: number): void {
    this.#share = Math.max(this.#share, share)
    for (const { go } of this.#waiting.filter((one) => one.share <= this.#share)) go()
    this.#waiting = this.#waiting.filter((one) => one.share > this.#share)
  }
}

/** One replica is killed, the other cut off, and then the primary is killed and replaced. */
async function breakServers({ main, toPrimary, history, faults, after }: Breaking): Promise<void> {
  const during = async (name: string, target: string, act: () => Promise<void>): Promise<void> => {
    const fault = history.fault({ name, targets: [target] })
    await act()
    fault.end()
    faults.push(`${name} ${target}`)
  }
  await after(0.15)
  await during('kill', 'replica-2', async () => {
    await main.replicas[1]?.kill()
    await after(0.25)
    await main.replicas[1]?.restart()
  })
  await after(0.35)
  await during('partition', 'replica-1', async () => {
    const wire = main.link('primary', 'replica-1')
    await wire.partition()
    await after(0.45)
    await wire.heal()
  })
  await after(0.6)
  await during('failover', 'primary', async () => {
    await main.primary.kill()
    await main.promote(await mostAdvanced(main))
    await toPrimary.retarget({ port: main.primary.port })
    await toPrimary.resetConnections()
  })
}

/** The commit that was answered is on one replica at least: the one that has received most. */
async function mostAdvanced({ replicas }: PostgresGroup): Promise<number> {
  const received = await Promise.all(
    replicas.map(async ({ port }) => {
      const pool = poolTo(port)
      try {
        const text = `SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::text AS at`
        const { rows } = await pool.query<{ at: string }>(text)
        return BigInt(rows[0]?.at ?? '0')
      } finally {
        await pool.end()
      }
    }),
  )
  const [first = 0n, second = 0n] = received
  return second > first ? 1 : 0
}
