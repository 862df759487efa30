import type { SagaEvent } from '@quorate/saga'

/** One step of one order or refund that ended, retries and its checkpoint included. */
export interface StepEvent {
  /** For example `checkout/charge`, or `checkout/reserve undone`. */
  readonly step: string
  readonly ms: number
  readonly outcome: 'done' | 'undone' | 'failed'
  /** Of the order; for a refund `refund:` and its id. */
  readonly id: string
}

export type StepListener = (event: StepEvent) => void

export interface StepFeed {
  readonly onSaga: (event: SagaEvent) => void
  subscribe(listener: StepListener): () => void
}

/** Hands the saga engine's events on to whoever measures. */
export function stepFeed(): StepFeed {
  const listeners = new Set<StepListener>()
  /** When each step that is under way began. */
  const begunMs = new Map<string, number>()

  const begin = (key: string): void => {
    if (!begunMs.has(key)) begunMs.set(key, performance.now()) // a retry belongs to its step
  }
  const end = (key: string, event: Omit<StepEvent, 'ms'>): void => {
    const startMs = begunMs.get(key)
    begunMs.delete(key)
    if (startMs === undefined) return // a wait, or begun before a restart
    const ms = performance.now() - startMs
    for (const listener of listeners) listener({ ...event, ms })
  }

  return {
    onSaga(event) {
      switch (event.type) {
        case 'step-started':
          begin(`${event.id} ${event.step}`)
          break
        case 'compensation-started':
          begin(`${event.id} ${event.step} undone`)
          break
        case 'step-succeeded':
          end(`${event.id} ${event.step}`, {
            step: `${event.saga}/${event.step}`,
            outcome: 'done',
            id: event.id,
          })
          break
        case 'step-failed':
          if (event.retryInMs !== undefined) break
          end(`${event.id} ${event.step}`, {
            step: `${event.saga}/${event.step}`,
            outcome: 'failed',
            id: event.id,
          })
          break
        case 'compensated':
          end(`${event.id} ${event.step} undone`, {
            step: `${event.saga}/${event.step} undone`,
            outcome: 'undone',
            id: event.id,
          })
          break
        default:
      }
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
