import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { killProcess, pauseProcess, resumeProcess } from '@quorate/chaos'
import type { Clock } from '@quorate/core'
import { NoUnprivilegedAccountError } from '../errors.ts'
import type { Account } from './account.ts'
import type { Registry } from './home.ts'
import { cleanEnv, run } from './run.ts'

/** How a process ended. */
export interface Exit {
  readonly code: number | undefined
  readonly signal: string | undefined
}

/** Ends a server at once; Postgres clears up after SIGQUIT, Redis has nothing to clear up. */
export type QuitSignal = 'SIGQUIT' | 'SIGTERM' | 'SIGKILL'

/** What to run, as whom, and where it is written down. */
export interface ServerCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly account: Account | undefined
  /** Signals reach the server only through `docker`. */
  readonly container?: string | undefined
  readonly logFile: string
  readonly registry: Registry
  /** Ends the server without any saving. */
  readonly quitSignal: QuitSignal
  readonly clock: Clock
}

/**
 * Waits for the word go, then becomes the server. The pid is in the registry before that, so there is
 * no moment in which the owner could die and leave a server that nobody knows of.
 */
const GATE = 'read -r go || exit 1; exec "$@" </dev/null'

/** A process that hangs in the kernel dies when the disk has answered. */
const KILL_MS = 30_000

/** One running server. */
export class ServerProcess {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #clock: Clock
  readonly #container: string | undefined
  readonly #env: Readonly<Record<string, string>>
  #exit: Exit | undefined

  /** Starts it; ready or not is for the caller to find out. */
  static async start(command: ServerCommand): Promise<ServerProcess> {
    const { logFile, registry, container } = command
    const account = container === undefined ? command.account : undefined
    const log = openSync(logFile, 'a')
    try {
      const child = spawn('/bin/sh', ['-c', GATE, 'sh', command.command, ...command.args], {
        stdio: ['pipe', log, log],
        cwd: '/',
        env: { ...cleanEnv(), ...command.env },
        detached: true, // Ctrl-C is for the owner, which then stops its servers in order
        ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      })
      const { pid } = child
      if (pid === undefined) {
        const error = await new Promise<Error>((resolve) => child.once('error', resolve))
        if (account === undefined) throw error
        throw new NoUnprivilegedAccountError([account.name], error)
      }
      const server = new ServerProcess(child, pid, command)
      registry.add(pid, command.quitSignal)
      child.stdin?.on('error', () => {})
      child.stdin?.end('go\n')
      return server
    } finally {
      closeSync(log)
    }
  }

  private constructor(child: ChildProcess, pid: number, { clock, container, env = {} }: ServerCommand) {
    this.pid = pid
    this.#child = child
    this.#clock = clock
    this.#container = container
    this.#env = env
    child.once('exit', (code, signal) => {
      this.#exit = { code: code ?? undefined, signal: signal ?? undefined }
    })
    child.on('error', () => {})
    child.unref() // a forgotten cluster does not keep the program alive; the watchdog clears up
  }

  /** How it ended; `undefined` while it runs. */
  get exit(): Exit | undefined {
    return this.#exit
  }

  /** Calls back when it ends; at once if it has. */
  onExit(listener: (exit: Exit) => void): void {
    if (this.#exit !== undefined) listener(this.#exit)
    else this.#child.once('exit', () => this.#exit !== undefined && listener(this.#exit))
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#child.kill(signal)
  }

  /** Freezes the server and all its children: their connections stay open, nobody answers. */
  async pause(): Promise<void> {
    if (this.#exit !== undefined) return
    if (this.#container === undefined) await pauseProcess(this.pid, { tree: true })
    else await this.#docker('pause', this.#container)
  }

  async resume(): Promise<void> {
    if (this.#exit !== undefined) return
    if (this.#container === undefined) await resumeProcess(this.pid, { tree: true })
    else await this.#docker('unpause', this.#container)
  }

  /**
   * SIGKILL to the server and all its children: a child that spins would survive its parent and block
   * the restart.
   */
  async killTree(): Promise<void> {
    if (this.#exit !== undefined) return
    const how = { tree: true, clock: this.#clock, deadlineMs: KILL_MS }
    if (this.#container === undefined) await killProcess(this.pid, how)
    else await this.#docker('kill', this.#container).catch(() => {}) // it may be gone by now
    await this.gone()
  }

  /**
   * Asks it to end, and kills it when it has not after `graceMs`. Resolves when it is gone. SIGKILL takes its
   * children as well: nobody is left to end them, and a Redis that writes its append-only file anew has one
   * that can outlive its folder while the disk is busy.
   */
  async stop(signal: NodeJS.Signals, graceMs: number): Promise<void> {
    if (signal === 'SIGKILL') return this.killTree()
    this.signal(signal)
    await this.resume().catch(() => {}) // it may be gone by now
    if (!(await this.gone(graceMs))) await this.killTree()
  }

  async #docker(...args: string[]): Promise<void> {
    await run('docker', args, { env: this.#env })
  }

  /** Waits for the end, at most `withinMs`; false if it still runs then. */
  async gone(withinMs: number = Infinity): Promise<boolean> {
    const deadlineMs = this.#clock.monotonic() + withinMs
    while (this.#exit === undefined) {
      if (this.#clock.monotonic() >= deadlineMs) return false
      await this.#clock.sleep(3)
    }
    return true
  }
}

/** Where a log ends now, to read only what comes later. */
export async function endOf(logFile: string): Promise<number> {
  return stat(logFile).then(
    ({ size }) => size,
    () => 0,
  )
}

/** The last lines of a log, for an error. */
export async function tailOf(logFile: string, fromByte = 0, maxLines = 15): Promise<string> {
  const bytes = await readFile(logFile).catch(() => Buffer.alloc(0))
  return bytes.subarray(fromByte).toString('utf8').trimEnd().split('\n').slice(-maxLines).join('\n')
}
