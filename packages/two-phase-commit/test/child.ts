import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A fixture script in a process of its own, with its lines. */
export interface Child extends AsyncDisposable {
  readonly process: ChildProcess
  /** The next line; fails with what the process said if it ends first. */
  line(): Promise<string>
  kill(signal: NodeJS.Signals): void
}

export function startChild(script: string, args: readonly string[]): Child {
  const file = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@quorate/source', file, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  // Also when the test times out while it waits, and nothing is disposed of.
  onTestFinished(() => void child.kill('SIGKILL'))
  let errors = ''
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
  child.stdin.on('error', () => {}) // It may be dead when the test writes to it.
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    process: child,
    async line() {
      const next = await lines.next()
      if (next.done === true) throw new Error(`The process ended early: ${errors}`)
      return next.value
    },
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
