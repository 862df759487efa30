import type { Clock, Random } from '@quorate/core'

/** What a node is called: letters, digits, `.`, `_` and `-`, so that a replay line can name it. */
export type NodeId = string

/** A message with its sender. */
export interface Envelope<M = unknown> {
  readonly from: NodeId
  readonly message: M
}

/** Options of {@link Env.receive}. */
export interface ReceiveOptions {
  /** Rejects with `signal.reason`; the message then goes to the next one who asks. */
  readonly signal?: AbortSignal | undefined
}

/**
 * All that a node may know of the world. It lasts from a start of the node to its next crash: what a crash ended
 * never runs on, and an `Env` of before the crash does nothing any more.
 *
 * It is a `Clock`, so that code which takes one can be handed the env itself.
 */
export interface Env extends Clock {
  /** Name of this node. */
  readonly id: NodeId
  /** Names of the scenario's `nodes`, in order. */
  readonly nodes: readonly NodeId[]
  /** Names of the scenario's `clients`, in order. */
  readonly clients: readonly NodeId[]
  /** 0 at first, one more with each restart. */
  readonly restarts: number
  /** This env, for code that takes apart what it is given: `const { clock, random } = env`. */
  readonly clock: Clock
  /** This node's own stream of chance. */
  readonly random: Random
  /** What a crash leaves behind. */
  readonly disk: Disk
  /**
   * Sends data: plain objects, arrays and what `structuredClone` knows. The receiver gets a copy. It may arrive
   * late, twice, out of order, or never; nobody is told.
   *
   * @throws RangeError if there is no node `to`.
   * @throws TypeError for what is not data: functions, symbols, instances of your classes.
   */
  send(to: NodeId, message: unknown): void
  /**
   * Gets every message from now on, first those that came before. What an async handler throws fails the run.
   * A second call replaces the first handler.
   */
  onMessage<M = unknown>(handler: (message: M, from: NodeId) => void | Promise<void>): void
  /** The next message, for code that would rather wait for one than be called. Not together with `onMessage`. */
  receive<M = unknown>(options?: ReceiveOptions): Promise<Envelope<M>>
  /** Runs `task` beside the rest, until it returns or the node crashes. What it throws fails the run. */
  spawn(task: () => Promise<unknown>, name?: string): void
  /** Notes a fact, for the trace and for the check (`run.logs`). */
  log(text: string, data?: unknown): void
}

/**
 * Files of text. A write is seen by reads at once, and is on the disk when an `fsync` that began after it has
 * resolved. At a crash, what was not synced is lost; or, if the crash is `mixed`, each file keeps the first few of
 * its unsynced writes, the last of them perhaps in part.
 */
export interface Disk {
  /** The text of a file, `undefined` if there is none. Takes no time. */
  read(file: string): Promise<string | undefined>
  /** Replaces a file. Not atomic: a crash can leave the old text, a beginning of the new one, or all of it. */
  write(file: string, text: string): Promise<void>
  /** Adds to the end of a file. */
  append(file: string, text: string): Promise<void>
  /** Deletes a file, if it is there. */
  remove(file: string): Promise<void>
  /** Names of all files, sorted. */
  list(): Promise<readonly string[]>
  /** Resolves when all that was written to the file (default: to any) before this call is on the disk. Takes time. */
  fsync(file?: string): Promise<void>
}
