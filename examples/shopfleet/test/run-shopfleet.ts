import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves with the text so far once stdout matches. @throws if the process ends first. */
  readonly printed: (pattern: RegExp) => Promise<string>
}

/** Runs ShopFleet as a person at a terminal would, in a process of its own. */
export function runShopfleet(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=@quorate/source', 'src/main.ts', ...args],
    {
      cwd: PACKAGE,
      env: { ...process.env, TSX_DISABLE_CACHE: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let stdout = ''
  let stderr = ''
  const waiting = new Set<() => void>()
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
    for (const look of waiting) look()
  })
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return {
    child,
    ended,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(stdout)) return
          waiting.delete(look)
          resolve(stdout)
        }
        waiting.add(look)
        look()
        void ended.then(({ code }) => {
          if (waiting.delete(look))
            reject(new Error(`ended with ${code} before it printed ${pattern}:\n${stdout}${stderr}`))
          return undefined
        })
      }),
  }
}
