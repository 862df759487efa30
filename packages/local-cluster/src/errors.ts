import { QuorateError } from '@quorate/core'

/** Which server an error is about. */
export interface ServerFacts {
  /** Engine, group and node, for example `postgres/orders/node-1`. */
  readonly server: string
}

/** This machine has no prebuilt Postgres that could run, or its package was not installed. */
export class PostgresUnavailableError extends QuorateError {
  readonly code = 'QUORATE_POSTGRES_UNAVAILABLE'
  readonly platform: string

  constructor(facts: { platform: string; reason: string; remedy: string; cause?: unknown }) {
    super(`Cannot start Postgres: ${facts.reason}; ${facts.remedy}`, {
      outcome: 'not-applied',
      cause: facts.cause,
    })
    this.platform = facts.platform
  }
}

/** No `redis-server` was found and none could be fetched. `tried` says what was looked at, in order. */
export class RedisUnavailableError extends QuorateError {
  readonly code = 'QUORATE_REDIS_UNAVAILABLE'
  readonly tried: readonly string[]

  constructor(facts: { tried: readonly string[]; remedy: string; cause?: unknown }) {
    super(
      `Cannot start Redis: no redis-server or valkey-server was found (${facts.tried.join('; ')}); ${facts.remedy}`,
      { outcome: 'not-applied', cause: facts.cause },
    )
    this.tried = facts.tried
  }
}

/** We are root, which Postgres refuses to run as, and there is no other account to hand it to. */
export class NoUnprivilegedAccountError extends QuorateError {
  readonly code = 'QUORATE_NO_UNPRIVILEGED_ACCOUNT'
  readonly tried: readonly string[]

  constructor(tried: readonly string[], cause?: unknown) {
    super(
      `Cannot start the servers as root: Postgres refuses to, and none of the accounts ${tried.join(', ')} ` +
        `can be used; run this program as an ordinary user`,
      { outcome: 'not-applied', cause },
    )
    this.tried = tried
  }
}

/** The port that was asked for, or that a server had before, belongs to someone else now. */
export class PortTakenError extends QuorateError {
  readonly code = 'QUORATE_PORT_TAKEN'
  readonly server: string
  readonly port: number

  constructor(facts: ServerFacts & { port: number }) {
    super(
      `Cannot start ${facts.server}: port ${facts.port} on 127.0.0.1 is in use; ` +
        `end the program that holds it, or leave the port option out to get a free one`,
      { outcome: 'not-applied' },
    )
    this.server = facts.server
    this.port = facts.port
  }
}

/** A server ended by itself. `logTail` holds the last lines it wrote. */
export class ServerExitedError extends QuorateError {
  readonly code = 'QUORATE_SERVER_EXITED'
  readonly server: string
  readonly exitCode: number | undefined
  readonly exitSignal: string | undefined
  readonly logTail: string

  constructor(
    facts: ServerFacts & { exitCode: number | undefined; exitSignal: string | undefined; logTail: string },
  ) {
    const how = facts.exitSignal ?? `exit code ${facts.exitCode ?? 'unknown'}`
    super(
      `Cannot start ${facts.server}: it ended (${how}) instead of becoming ready; ` +
        `see what it wrote last:\n${facts.logTail}`,
      { outcome: 'not-applied' },
    )
    this.server = facts.server
    this.exitCode = facts.exitCode
    this.exitSignal = facts.exitSignal
    this.logTail = facts.logTail
  }
}

/** A server, or its replication, did not get ready in the time allowed. */
export class NotReadyInTimeError extends QuorateError {
  readonly code = 'QUORATE_NOT_READY_IN_TIME'
  readonly server: string
  readonly waitedMs: number
  readonly logTail: string

  constructor(facts: ServerFacts & { what: string; waitedMs: number; logTail: string; cause?: unknown }) {
    super(
      `Cannot go on with ${facts.server}: it did not ${facts.what} within ${facts.waitedMs} ms; ` +
        `raise startTimeoutMs if the machine is slow` +
        (facts.logTail === '' ? '' : `, or see what it wrote last:\n${facts.logTail}`),
      { outcome: 'unknown', cause: facts.cause },
    )
    this.server = facts.server
    this.waitedMs = facts.waitedMs
    this.logTail = facts.logTail
  }
}

/** The call does not fit the state or the role of the server, for example `pauseReplay()` on a primary. */
export class WrongServerStateError extends QuorateError {
  readonly code = 'QUORATE_WRONG_SERVER_STATE'
  readonly server: string
  readonly state: string

  constructor(facts: ServerFacts & { action: string; state: string; remedy: string }) {
    super(`Cannot ${facts.action} on ${facts.server}: it is ${facts.state}; ${facts.remedy}`, {
      outcome: 'not-applied',
    })
    this.server = facts.server
    this.state = facts.state
  }
}

/** Another live process owns this data directory. */
export class DataDirLockedError extends QuorateError {
  readonly code = 'QUORATE_DATA_DIR_LOCKED'
  readonly dataDir: string
  readonly ownerPid: number

  constructor(facts: { dataDir: string; ownerPid: number }) {
    super(
      `Cannot open ${facts.dataDir}: process ${facts.ownerPid} has it open; ` +
        `end that process, or use another dataDir`,
      { outcome: 'not-applied' },
    )
    this.dataDir = facts.dataDir
    this.ownerPid = facts.ownerPid
  }
}

/** The data directory was made for other servers, or by another version. */
export class DataDirMismatchError extends QuorateError {
  readonly code = 'QUORATE_DATA_DIR_MISMATCH'
  readonly dataDir: string

  constructor(facts: { dataDir: string; reason: string; cause?: unknown }) {
    super(
      `Cannot open ${facts.dataDir}: ${facts.reason}; ask for the same servers as before, ` +
        `use another dataDir, or delete this one to start empty`,
      { outcome: 'not-applied', cause: facts.cause },
    )
    this.dataDir = facts.dataDir
  }
}

/** A folder that the servers need cannot be used: by us, or by the account that they run as. */
export class FolderUnusableError extends QuorateError {
  readonly code = 'QUORATE_FOLDER_UNUSABLE'
  readonly folder: string

  constructor(facts: { folder: string; reason: string; remedy: string; cause?: unknown }) {
    super(`Cannot use the folder ${facts.folder}: ${facts.reason}; ${facts.remedy}`, {
      outcome: 'not-applied',
      cause: facts.cause,
    })
    this.folder = facts.folder
  }
}
