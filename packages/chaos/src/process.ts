import { systemClock, type Clock } from '@quorate/core'
import { ProcessFaultError } from './errors.ts'
import { childrenOf, codeOf, isAlive } from './process-tree.ts'

/** Options of {@link pauseProcess} and {@link resumeProcess}. */
export interface ProcessOptions {
  /** Take all descendants as well, as Postgres needs: each of its connections is a process. Default `false`. */
  readonly tree?: boolean | undefined
}

/** Options of {@link killProcess}. */
export interface KillProcessOptions extends ProcessOptions {
  /** How long to wait until all are gone, ms. Default 5,000. */
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
}

const GONE_POLL_MS = 2

/**
 * Freezes a process (SIGSTOP): its sockets stay open and nobody answers.
 *
 * @returns the processes frozen, `pid` first.
 * @throws ProcessFaultError if it does not exist, is not ours, or the platform has no such signal.
 */
export async function pauseProcess(pid: number, { tree = false }: ProcessOptions = {}): Promise<number[]> {
  return signalTree(pid, 'SIGSTOP', 'pause', tree)
}

/**
 * Lets a frozen process run on (SIGCONT), children first, so that no parent meets a child that is still frozen.
 *
 * @returns the processes resumed, `pid` first.
 * @throws ProcessFaultError as {@link pauseProcess}.
 */
export async function resumeProcess(pid: number, { tree = false }: ProcessOptions = {}): Promise<number[]> {
  const pids = tree ? descendants(pid) : [pid]
  for (const one of pids.slice(1).toReversed()) send(one, 'SIGCONT', 'resume', true)
  send(pid, 'SIGCONT', 'resume', false)
  return pids
}

/**
 * Kills a process as a power cut would (SIGKILL), and resolves when it is gone. With `tree`, all are
 * frozen first, so that none can fork, clean up or notice that another is missing.
 *
 * @returns the processes killed, `pid` first. A process that is gone already is no error.
 * @throws ProcessFaultError if it is not ours, or one is still there at the deadline.
 */
export async function killProcess(pid: number, options: KillProcessOptions = {}): Promise<number[]> {
  const { tree = false, deadlineMs = 5_000, clock = systemClock, signal } = options
  validatePid(pid)
  if (!isAlive(pid)) return []
  const pids = tree && process.platform !== 'win32' ? signalTree(pid, 'SIGSTOP', 'kill', true) : [pid]
  for (const one of pids) send(one, 'SIGKILL', 'kill', true)
  const untilMs = clock.monotonic() + deadlineMs
  for (;;) {
    const left = pids.filter((one) => isAlive(one))
    if (left.length === 0) return pids
    if (clock.monotonic() >= untilMs) {
      throw new ProcessFaultError({
        pid,
        action: 'kill',
        detail: `${left.join(', ')} still there ${deadlineMs} ms after SIGKILL; it may hang in the kernel, raise deadlineMs`,
      })
    }
    await clock.sleep(GONE_POLL_MS, { signal })
  }
}

/** Signals a parent before its children are listed: a frozen parent has no new ones, and keeps their ids taken. */
function signalTree(pid: number, signal: NodeJS.Signals, action: 'pause' | 'kill', tree: boolean): number[] {
  send(pid, signal, action, false)
  const pids = [pid]
  if (!tree) return pids
  for (let index = 0; index < pids.length; index++) {
    const parent = pids[index] as number
    for (const child of childrenOf(parent)) {
      send(child, signal, action, true)
      pids.push(child)
    }
  }
  return pids
}

function descendants(pid: number): number[] {
  const pids = [pid]
  for (let index = 0; index < pids.length; index++) pids.push(...childrenOf(pids[index] as number))
  return pids
}

function send(
  pid: number,
  signal: NodeJS.Signals,
  action: 'pause' | 'resume' | 'kill',
  mayBeGone: boolean,
): void {
  validatePid(pid)
  if (process.platform === 'win32' && action !== 'kill') {
    throw new ProcessFaultError({
      pid,
      action,
      detail: 'Windows cannot freeze a process; use Linux or macOS',
    })
  }
  try {
    process.kill(pid, signal)
  } catch (cause) {
    const code = codeOf(cause)
    if (code === 'ESRCH' && mayBeGone) return
    const detail =
      code === 'ESRCH'
        ? 'there is no such process; start it first'
        : `the system refused ${signal} (${String(code)}); run as the account that owns it`
    throw new ProcessFaultError({ pid, action, detail, cause })
  }
}

/** 0 and negative numbers would signal a whole group, 1 the machine's init. */
function validatePid(pid: number): void {
  if (!Number.isSafeInteger(pid) || pid <= 1) {
    throw new RangeError(`Cannot signal process: pid must be a whole number above 1, got ${pid}`)
  }
}
