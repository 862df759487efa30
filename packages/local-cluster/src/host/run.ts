import { spawn } from 'node:child_process'
import path from 'node:path'
import type { Account } from './account.ts'

/** Options of {@link run}. */
export interface RunOptions {
  readonly account?: Account | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly cwd?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Called with each line of output, to show progress. */
  readonly onLine?: ((line: string) => void) | undefined
}

/** A helper program failed; the message holds the end of what it wrote. */
export class CommandFailedError extends Error {
  readonly exitCode: number | undefined
  readonly output: string

  constructor(command: string, exitCode: number | undefined, output: string) {
    super(`${command} ended with exit code ${exitCode ?? 'none'}: ${output.trim().slice(-800)}`)
    this.name = 'CommandFailedError'
    this.exitCode = exitCode
    this.output = output
  }
}

/**
 * Runs a helper program to its end, in a fixed folder and environment, and returns what it wrote.
 *
 * @throws CommandFailedError if it did not end with 0.
 * @throws `signal.reason` when aborted; the program is killed and gone by then.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { account, env = {}, cwd = '/', signal, onLine } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd,
      env: { ...cleanEnv(), ...env },
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
    })
    let output = ''
    const take = (text: string): void => {
      output += text
      if (onLine !== undefined)
        for (const line of text.split('\n')) if (line.trim() !== '') onLine(line.trim())
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    const abort = (): void => void child.kill('SIGKILL')
    signal?.addEventListener('abort', abort, { once: true })
    child.once('error', (error) => {
      signal?.removeEventListener('abort', abort)
      reject(error)
    })
    child.once('close', (code) => {
      signal?.removeEventListener('abort', abort)
      if (signal?.aborted === true) reject(signal.reason)
      else if (code === 0) resolve(output)
      else reject(new CommandFailedError(path.basename(command), code ?? undefined, output))
    })
  })
}

/** Where every system has its tools. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** What servers and helpers inherit: enough to find programs, nothing that changes how they behave. */
export function cleanEnv(): Record<string, string> {
  const own = process.env['PATH'] ?? ''
  return { PATH: own === '' ? SYSTEM_PATH : `${own}:${SYSTEM_PATH}`, LC_ALL: 'C', TZ: 'UTC' }
}
