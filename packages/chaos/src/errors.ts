import { QuorateError } from '@quorate/core'
import type { ScheduledFault } from './nemesis/schedule.ts'

/** The port of a link cannot be had; `cause` is the system's error. */
export class LinkListenError extends QuorateError {
  readonly code = 'QUORATE_CHAOS_LINK_LISTEN'
  readonly host: string
  readonly port: number

  constructor({ host, port, cause }: { host: string; port: number; cause: unknown }) {
    super(
      `Cannot listen on ${host}:${port}: ${reason(cause)}; free the port, choose another, or leave port out ` +
        'to get a free one',
      { outcome: 'not-applied', cause },
    )
    this.host = host
    this.port = port
  }
}

/** The chaos or the link was closed; a fault set there would hold nowhere, a port opened there nobody would close. */
export class ChaosClosedError extends QuorateError {
  readonly code = 'QUORATE_CHAOS_CLOSED'
  /** What is closed: `chaos`, or `link` and its name. */
  readonly target: string

  constructor({ action, target }: { action: string; target: string }) {
    super(`Cannot ${action}: ${target} is closed; make a new one`, { outcome: 'not-applied' })
    this.target = target
  }
}

/** A process could not be paused, resumed or killed. */
export class ProcessFaultError extends QuorateError {
  readonly code = 'QUORATE_CHAOS_PROCESS'
  readonly pid: number
  readonly action: 'pause' | 'resume' | 'kill'

  constructor(facts: { pid: number; action: 'pause' | 'resume' | 'kill'; detail: string; cause?: unknown }) {
    super(`Cannot ${facts.action} process ${facts.pid}: ${facts.detail}`, {
      outcome: facts.action === 'kill' ? 'unknown' : 'not-applied',
      cause: facts.cause,
    })
    this.pid = facts.pid
    this.action = facts.action
  }
}

/** A fault of a nemesis that is still there, or may be. */
export interface Unhealed {
  readonly fault: ScheduledFault
  /** Name of the node, or `from→to` of the link. */
  readonly target: string
  /** The last thing that went wrong. */
  readonly error: unknown
}

/** A nemesis has ended and something it broke is still broken. */
export class NotHealedError extends QuorateError {
  readonly code = 'QUORATE_CHAOS_NOT_HEALED'
  readonly unhealed: readonly Unhealed[]
  /** All that the nemesis was to do, on one line. */
  readonly schedule: string

  constructor({ unhealed, schedule }: { unhealed: readonly Unhealed[]; schedule: string }) {
    const list = unhealed.map(
      ({ fault, target, error }) => `${fault.action.type} ${target}: ${reason(error)}`,
    )
    super(
      `Cannot heal after the nemesis: ${list.join('; ')}; mend it by hand, and raise healWithinMs if it only needs longer`,
      { outcome: 'unknown', cause: unhealed[0]?.error },
    )
    this.unhealed = unhealed
    this.schedule = schedule
  }
}

function reason(cause: unknown): string {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  if (code === 'EADDRINUSE') return 'another program listens there'
  if (code === 'EACCES') return 'this account may not use it'
  return cause instanceof Error ? cause.message : String(cause)
}
