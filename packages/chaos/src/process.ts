import { systemClock, type Clock } from '@quorate/core'
import { ProcessFaultError } from './errors.ts'
import { childrenOf, codeOf, stateOf } from './process-tree.ts'

/** Options of {@link pauseProcess}, {@link resumeProcess} and {@link killProcess}. */
export interface ProcessOptions {
  /** Take all descendants as well, as Postgres needs: each of its connections is a process. Default `false`. */
  readonly tree?: boolean | undefined
  /** How long to wait until all are frozen or gone, ms. Default 5,000. */
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
}

type Action = ProcessFaultError['action']

const POLL_MS = 1

/**
 * Freezes a process (SIGSTOP): its sockets stay open and nobody answers. Resolves when it stands still.
 *
 * @returns the processes frozen, `pid` first.
 * @throws ProcessFaultError if it does not exist, is not ours, the platform has no such signal, or the
 *   deadline passes.
 * @throws RangeError for a pid that is no whole number above 1, for this process itself, and with `tree`
 *   for one that it descends from: frozen, it could not resume anybody.
 * @throws `signal.reason` when aborted. In all cases those that stand still by then run on.
 */
export async function pauseProcess(pid: number, options: ProcessOptions = {}): Promise<number[]> {
  validateVictim(pid, options)
  try {
    return await freeze(pid, 'pause', options)
  } catch (error) {
    await resumeProcess(pid, options).catch(() => {}) // the first error says more
    throw error
  }
}

/**
 * Lets a frozen process run on (SIGCONT), children first, so that no parent meets a child that is
 * still frozen.
 *
 * @returns the processes resumed, `pid` first.
 * @throws ProcessFaultError as {@link pauseProcess}.
 */
export async function resumeProcess(pid: number, { tree = false }: ProcessOptions = {}): Promise<number[]> {
  const pids = [pid]
  if (tree) for (let index = 0; index < pids.length; index++) pids.push(...childrenOf(pids[index] as number))
  for (const one of pids.slice(1).toReversed()) send(one, 'SIGCONT', 'resume', true)
  send(pid, 'SIGCONT', 'resume', false)
  return pids
}

/**
 * Kills a process as a power cut would (SIGKILL), and resolves when it is gone. With `tree`, all are
 * frozen first, so that none can fork, clean up or notice that another is missing.
 *
 * @returns the processes killed, `pid` first; none if it is gone already.
 * @throws ProcessFaultError if it is not ours, or one is still there at the deadline.
 * @throws RangeError as {@link pauseProcess}.
 * @throws `signal.reason` when aborted; some may be killed then.
 */
export async function killProcess(pid: number, options: ProcessOptions = {}): Promise<number[]> {
  validateVictim(pid, options)
  if (stateOf(pid) === 'gone') return []
  const { tree = false } = options
  const pids = tree && process.platform !== 'win32' ? await freeze(pid, 'kill', options) : [pid]
  for (const one of pids) send(one, 'SIGKILL', 'kill', true)
  await untilAll(pids, 'gone', { pid, action: 'kill' }, options)
  return pids
}

/**
 * Stops a parent before its children are listed: one that stands still has no new children, and keeps
 * the ids of the old ones taken.
 */
async function freeze(pid: number, action: Action, options: ProcessOptions): Promise<number[]> {
  const pids: number[] = []
  for (let generation = [pid]; generation.length > 0;) {
    for (const one of generation) send(one, 'SIGSTOP', action, one !== pid)
    await untilAll(generation, 'stopped', { pid, action }, options)
    pids.push(...generation)
    generation = options.tree === true ? generation.flatMap((parent) => childrenOf(parent)) : []
  }
  return pids
}

async function untilAll(
  pids: readonly number[],
  wanted: 'stopped' | 'gone',
  { pid, action }: { readonly pid: number; readonly action: Action },
  { clock = systemClock, deadlineMs = 5_000, signal }: ProcessOptions,
): Promise<void> {
  const untilMs = clock.monotonic() + deadlineMs
  for (;;) {
    const left = pids.filter((one) => ![wanted, 'gone'].includes(stateOf(one)))
    if (left.length === 0) return
    if (clock.monotonic() >= untilMs) {
      const detail = `${left.join(', ')} not ${wanted} ${deadlineMs} ms after the signal; it may hang in the kernel, raise deadlineMs`
      throw new ProcessFaultError({ pid, action, detail })
    }
    await clock.sleep(POLL_MS, { signal })
  }
}

function send(pid: number, signal: NodeJS.Signals, action: Action, mayBeGone: boolean): void {
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

/** Refused before the first signal: half a frozen tree would be left behind. */
function validateVictim(pid: number, { tree = false }: ProcessOptions): void {
  validatePid(pid)
  const pids = [pid]
  if (tree && process.platform !== 'win32') {
    for (let index = 0; index < pids.length; index++) pids.push(...childrenOf(pids[index] as number))
  }
  if (!pids.includes(process.pid)) return
  const what = pid === process.pid ? 'this process itself' : 'an ancestor of this process'
  throw new RangeError(
    `Cannot signal process: pid must not be ${what}, got ${pid}; pass the pid of a process under test`,
  )
}
