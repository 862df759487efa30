import { emit, type EventListener } from '@quorate/core'
import type { SagaEvent } from './events.ts'
import type { LogRecord } from './log.ts'
import type { SagaState } from './protocol.ts'

/** Tells the observer of a record that is durable now; `state` is the one after it. */
export function reportRecord(
  onEvent: EventListener<SagaEvent> | undefined,
  facts: { readonly saga: string; readonly id: string },
  record: LogRecord,
  { phase }: SagaState,
): void {
  if (record.type === 'done')
    emit<SagaEvent>(onEvent, () => ({ type: 'step-succeeded', ...facts, step: record.step }))
  if (record.type === 'undone')
    emit<SagaEvent>(onEvent, () => ({ type: 'compensated', ...facts, step: record.step }))
  if (record.type === 'compensating') {
    emit<SagaEvent>(onEvent, () => ({ type: 'saga-compensating', ...facts, failure: record.failure }))
  }
  if (record.type === 'ended' || record.type === 'needs-attention') {
    emit<SagaEvent>(onEvent, () => ({
      type: 'saga-settled',
      ...facts,
      status: record.type === 'ended' ? record.status : record.type,
      failure: 'failure' in phase ? phase.failure : undefined,
    }))
  }
}
