import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A script of this folder in a process of its own, with its lines. */
export interface Child extends AsyncDisposable {
  /** The next line. @throws with what the process said if it ends first. */
  line(): Promise<string>
  /** By SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>
}

/** @param nodeOptions `--import tsx` for what imports a NestJS application: Node alone does not know decorators. */
export function startChild(
  script: string,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): Child {
  const file = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [...nodeOptions, '--conditions=@quorate/source', file, ...args], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // Also when the test times out while it waits, and nothing is disposed of.
  onTestFinished(() => void child.kill('SIGKILL'))
  let errors = ''
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await closed
  }
  return {
    async line() {
      const next = await lines.next()
      if (next.done === true) throw new Error(`${script} ended early: ${errors}`)
      return next.value
    },
    kill,
    [Symbol.asyncDispose]: kill,
  }
}
