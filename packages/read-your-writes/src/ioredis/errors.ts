import { QuorateError } from '@quorate/core'

/**
 * Commands of the write were sent and not all were answered, or not in time: some may have been applied, or
 * may still be. Read back before you repeat.
 */
export class WriteUnknownError extends QuorateError {
  readonly code = 'QUORATE_RYW_WRITE_UNKNOWN'
  /** Commands that were sent. */
  readonly sent: number

  constructor({ sent, cause }: { sent: number; cause: unknown }) {
    super(
      `Cannot tell what was written: of ${sent} commands sent to the primary not all were answered; read back what ` +
        'they wrote before you repeat them',
      { outcome: 'unknown', cause },
    )
    this.sent = sent
  }
}

/**
 * The write stands on the primary, and fewer replicas than asked for have applied it in time. The outcome is
 * `unknown`, because a failover now could lose it; without one they get it as they catch up. Do not repeat it.
 */
export class NotReplicatedError extends QuorateError {
  readonly code = 'QUORATE_RYW_NOT_REPLICATED'
  /** Replicas that were to apply it. */
  readonly wanted: number
  /** Replicas that are known to have. */
  readonly reached: number
  readonly waitedMs: number

  constructor({ wanted, reached, waitedMs }: { wanted: number; reached: number; waitedMs: number }) {
    super(
      `Cannot tell that the write is on ${wanted} replicas: ${reached} have applied it within ${waitedMs} ms; it stands ` +
        'on the primary, so do not repeat it, and bring the replicas back or wait longer',
      { outcome: 'unknown' },
    )
    this.wanted = wanted
    this.reached = reached
    this.waitedMs = waitedMs
  }
}
