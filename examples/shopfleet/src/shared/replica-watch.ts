import type { Lag, ReadYourWrites, ReadYourWritesEvent } from '@quorate/read-your-writes'
import type { RedisReadYourWritesEvent } from '@quorate/read-your-writes/ioredis'
import type { ReplicaAlert, StandingView } from '../api.ts'
import type { Logger } from './logging.ts'

type RouterEvent = ReadYourWritesEvent | RedisReadYourWritesEvent

/** Keeps what a router says of its servers: alerts for those on call, numbers for a page. */
export interface ReplicaWatch {
  /** For the router's `onEvent`. */
  readonly onEvent: (event: RouterEvent) => void
  view(db: Pick<ReadYourWrites, 'replicas'>): StandingView
}

const MAX_ALERTS = 20
/** Alerts that somebody should look at; the others say that it is over. */
const WARNINGS: ReadonlySet<ReplicaAlert['kind']> = new Set(['ejected', 'primary-lost'])

/** @param now for the time of an alert. */
export function watchReplicas(log: Logger, now: () => Date = () => new Date()): ReplicaWatch {
  const alerts: ReplicaAlert[] = []
  const reads = { replicas: 0, primary: 0 }
  let primaryReachable: boolean | null = null

  const alert = (
    kind: ReplicaAlert['kind'],
    { id, status, lag }: Pick<ReplicaAlert, 'id' | 'status'> & { readonly lag?: Lag | undefined },
  ): void => {
    const facts: ReplicaAlert = { kind, id, status, ...lagOf(lag), at: now().toISOString() }
    alerts.unshift(facts)
    alerts.length = Math.min(alerts.length, MAX_ALERTS)
    const { at: _at, ...line } = { ...facts, alert: kind }
    if (WARNINGS.has(kind)) log.warn(line, `${id} ${kind}: ${status}`)
    else log.info(line, `${id} ${kind}: ${status}`)
  }

  const onEvent = (event: RouterEvent): void => {
    switch (event.type) {
      case 'read':
        if (event.target === 'primary') reads.primary++
        else reads.replicas++
        return
      case 'write':
        return
      case 'replica': {
        const isIn = event.status === 'healthy'
        // At the start one is not yet in: that is no news, unless it cannot come in.
        const wasIn = event.was === 'healthy' || event.was === 'unknown'
        if (wasIn && !isIn) alert('ejected', event)
        else if (isIn && !wasIn) alert('readmitted', event)
        else log.debug(event, 'replica')
        return
      }
      case 'primary': {
        const was = primaryReachable
        primaryReachable = event.reachable
        if (!event.reachable) alert('primary-lost', { id: 'primary', status: 'down' })
        else if (was === false) alert('primary-back', { id: 'primary', status: 'healthy' })
        return
      }
      case 'timeline':
      case 'history':
        // Positions in the stream of Redis are bigints, which JSON has not.
        log.warn({ event: event.type, was: String(event.was) }, 'another server is the primary now')
        return
      case 'missing-privilege':
        log.warn(event, `${event.id} does not tell how far it is: grant what it needs`)
        return
      case 'token-rejected':
      case 'token-late':
        log.debug(event, event.type)
        return
      default:
        event satisfies never
    }
  }

  return {
    onEvent,
    view: ({ replicas }) => ({
      primaryReachable,
      replicas: replicas.map(({ id, status, lag }) => ({ id, status, ...lagOf(lag) })),
      reads: { ...reads },
      alerts: [...alerts],
    }),
  }
}

const lagOf = (lag: Lag | undefined): Pick<ReplicaAlert, 'lagMs' | 'lagBytes'> => ({
  lagMs: lag === undefined ? null : Math.round(lag.ms),
  lagBytes: lag?.bytes ?? null,
})
