import type { SagaEvent } from '@quorate/saga'

/** One step of one order or refund that ended, retries and its checkpoint included. */
export interface StepEvent {
  /** For example `checkout/settle`, or `checkout/reserve undone`. */
  readonly step: string
  readonly ms: number
  readonly outcome: 'done' | 'undone' | 'failed'
  /** Of the order; for a refund `refund:` and its id. */
  readonly id: string
}

export type StepListener = (event: StepEvent) => void

export interface StepFeed {
  readonly onSaga: (event: SagaEvent) => void
  readonly subscribe: (listener: StepListener) => () => void
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

  const onSaga = (event: SagaEvent): void => {
    if (!('step' in event)) return
    const { type, saga, id, step } = event
    const run = `${id} ${step}`
    const undo = `${id} ${step} undone`
    if (type === 'step-started') begin(run)
    else if (type === 'compensation-started') begin(undo)
    else if (type === 'step-succeeded') end(run, { step: `${saga}/${step}`, outcome: 'done', id })
    else if (type === 'compensated') end(undo, { step: `${saga}/${step} undone`, outcome: 'undone', id })
    else if (event.retryInMs === undefined) {
      end(type === 'step-failed' ? run : undo, { step: `${saga}/${step}`, outcome: 'failed', id })
    }
  }

  return {
    onSaga,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
