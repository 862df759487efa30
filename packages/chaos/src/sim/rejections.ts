import type { Problem } from './history.ts'
import { nextTurn } from './system-clock.ts'

interface Emitter {
  listeners(name: string): Listener[]
  on(name: string, listener: Listener): unknown
  off(name: string, listener: Listener): unknown
}

type Listener = (...values: unknown[]) => void

/** Promises that were rejected, and that nobody has handled yet, with their reasons. */
const unhandled = new Map<unknown, unknown>()

/**
 * From here on a rejection that nobody handles ends a run, not the process: else the seed that did it would die with
 * it. Where there is no `process` the host reports it.
 *
 * @returns what gives the listeners of before their place back.
 */
export function catchRejections(): () => void {
  const { process } = globalThis as { process?: Partial<Emitter> }
  if (process?.listeners === undefined || process.on === undefined || process.off === undefined)
    return () => {}
  const emitter = process as Emitter
  const others = emitter.listeners('unhandledRejection')
  for (const other of others) emitter.off('unhandledRejection', other)
  const onRejection: Listener = (reason, promise) => void unhandled.set(promise, reason)
  const onHandled: Listener = (promise) => void unhandled.delete(promise)
  emitter.on('unhandledRejection', onRejection)
  emitter.on('rejectionHandled', onHandled)
  return () => {
    emitter.off('unhandledRejection', onRejection)
    emitter.off('rejectionHandled', onHandled)
    for (const other of others) emitter.on('unhandledRejection', other)
    // Not of a run, but of a check or of others: for those whose place this was.
    for (const reason of unhandled.values()) void Promise.reject(reason)
    unhandled.clear()
  }
}

/** @returns what waits, at the end of a run, until Node has told, and says what nobody handled. */
export function watchRejections(): () => Promise<Problem | undefined> {
  const before = new Set(unhandled.keys())
  return async () => {
    await new Promise<void>((resolve) => {
      nextTurn(resolve)
    })
    let problem: Problem | undefined
    for (const [promise, cause] of unhandled) {
      if (before.has(promise)) continue
      unhandled.delete(promise)
      const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
      const message = `A promise was rejected and nobody handled it: ${text}; await it, or catch what it throws`
      problem ??= { kind: 'error', message, cause }
    }
    return problem
  }
}
