import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { ClusterOptions } from '@quorate/local-cluster'

/** What an owner process prints. */
export interface Owned {
  readonly dir: string
  readonly servers: readonly { name: string; url: string; port: number; pid: number }[]
}

/** A process that owns a cluster. */
export interface Owner extends AsyncDisposable {
  readonly owned: Owned
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
}

const PROGRAM = path.join(import.meta.dirname, 'owner.ts')

/** Starts a cluster in a process of its own. */
export async function ownerProcess(
  options: ClusterOptions,
  how: { cwd?: string; env?: Record<string, string>; uid?: number; gid?: number } = {},
): Promise<Owner> {
  const { cwd = '/', env = {}, ...account } = how
  const child = spawn(process.execPath, ['--conditions=@quorate/source', PROGRAM, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    ...account,
  })
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const kill = async (): Promise<void> => endProcess(child)
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    return { owned: JSON.parse(line) as Owned, kill, [Symbol.asyncDispose]: kill }
  }
  throw new Error(`The owner ended: ${errors}`)
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
