import { QuorateError } from '@quorate/core'

/** What became of a reservation that is not held any more; `missing`: there is none of this id. */
export type ClosedState = 'confirmed' | 'released' | 'expired' | 'missing'

/** The reservation is not held any more, or never was: `state` says how it ended. */
export class ReservationClosedError extends QuorateError {
  readonly code = 'QUORATE_RESERVATION_CLOSED'
  readonly id: string
  readonly state: ClosedState

  constructor({ action, id, state }: { action: string; id: string; state: ClosedState }) {
    super(
      `Cannot ${action} reservation ${id}: it is ${state}, expected held; ` +
        (state === 'confirmed' ? 'give its units back by increment' : 'hold the units under a new id'),
      { outcome: 'not-applied' },
    )
    this.id = id
    this.state = state
  }
}

/** The id is that of another reservation: other units, or of another item. */
export class ReservationMismatchError extends QuorateError {
  readonly code = 'QUORATE_RESERVATION_MISMATCH'
  readonly id: string

  constructor(id: string) {
    super(
      `Cannot hold under ${id}: this id holds another item or another quantity; use an id for each request`,
      {
        outcome: 'not-applied',
      },
    )
    this.id = id
  }
}
