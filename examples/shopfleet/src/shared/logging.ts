import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { pino, type Logger } from 'pino'
import { currentTrace } from './trace.ts'

export type { Logger } from 'pino'
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent'

export interface Logs {
  /** A service's logger: JSON lines with its name and the trace id of the request it is at. */
  of(service: string): Logger
  /** Writes out what is buffered. */
  close(): Promise<void>
}

/** One file for all services, since they run in one process; a line says whose it is. */
export function openLogs(path: string, level: LogLevel): Logs {
  mkdirSync(dirname(path), { recursive: true })
  const file = pino.destination({
    dest: path,
    append: true,
    sync: false,
    minLength: 4_096,
    periodicFlush: 500,
  })
  let closed = false
  // A connection may still complain while the last things are put away.
  const lines = { write: (line: string): void => void (closed || file.write(line)) }
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // Payment methods and addresses are nobody's business in a log.
      redact: ['paymentMethod', '*.paymentMethod', 'address', '*.address', 'email', '*.email'],
      // A copy: pino writes the line's own fields into what it is given.
      mixin: () => ({ ...currentTrace() }),
    },
    lines,
  )
  return {
    of: (service) => root.child({ service }),
    close: () =>
      new Promise((resolve) => {
        if (closed) return resolve()
        closed = true
        file.once('close', resolve)
        file.end()
      }),
  }
}
