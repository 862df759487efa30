import { HELP, parseOptions } from './options.ts'
import { UsageError } from './usage-error.ts'

/** Exit code of who was told to stop, as shells have it for Ctrl-C. */
export const INTERRUPTED = 130

/**
 * Runs ShopFleet as the command line asks.
 *
 * @returns the exit code: 0 done, 1 an invariant does not hold or something failed, 2 not started, 130 interrupted.
 */
export async function runCli(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController()
  const onSignal = (): void => interrupt.abort(new InterruptedError())
  for (const signal of STOPS) process.on(signal, onSignal)
  // Whoever read our output has gone, as with `| head`: that is the end too, and no reason to crash.
  const onPipe = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') interrupt.abort(new InterruptedError())
  }
  process.stdout.on('error', onPipe)
  process.stderr.on('error', onPipe)
  try {
    const options = parseOptions(args)
    if (options.help) {
      console.log(HELP)
      return 0
    }
    // Loaded late, so that --help and a wrong option answer at once.
    if (options.compareOverselling) {
      const { compareAnswers } = await import('./compare-answers.ts')
      return await compareAnswers(options, interrupt.signal)
    }
    if (options.orders !== undefined || options.resume) {
      const { replayOrders } = await import('./replay-orders.ts')
      return await replayOrders(options, interrupt.signal)
    }
    const { runStory } = await import('./run-story.ts')
    return await runStory(options, interrupt.signal)
  } catch (error) {
    return explain(error, interrupt.signal)
  } finally {
    for (const signal of STOPS) process.off(signal, onSignal)
    // The pipe's listeners stay: a late write may still fail.
  }
}

/** Ctrl-C, a polite end, and a terminal that was closed. */
const STOPS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
}

/** One line for what the person can mend, the whole story for what we must mend. */
function explain(error: unknown, signal: AbortSignal): number {
  if (signal.aborted && signal.reason instanceof InterruptedError) {
    console.error('Stopped.')
    return INTERRUPTED
  }
  if (error instanceof UsageError) {
    console.error(error.message)
    return 2
  }
  if (isEnvironmentError(error)) {
    const isPort = error.code === 'EADDRINUSE' || (error.code === 'EACCES' && 'port' in error)
    console.error(isPort ? `${error.message}; free that port or give another --port` : error.message)
    return 2
  }
  console.error(error)
  return 1
}

/** What the cluster's errors say to install, free or give permission to; they left nothing behind. */
const ENVIRONMENT_CODES: ReadonlySet<string> = new Set([
  'EACCES',
  'EADDRINUSE',
  'QUORATE_DATA_DIR_LOCKED',
  'QUORATE_DATA_DIR_MISMATCH',
  'QUORATE_FOLDER_UNUSABLE',
  'QUORATE_NO_UNPRIVILEGED_ACCOUNT',
  'QUORATE_PORT_TAKEN',
  'QUORATE_POSTGRES_UNAVAILABLE',
  'QUORATE_REDIS_UNAVAILABLE',
])

function isEnvironmentError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && ENVIRONMENT_CODES.has(String(error.code))
}
