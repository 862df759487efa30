import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { systemClock, systemRandom } from '@quorate/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WrongServerStateError } from '../errors.ts'
import type { HostContext } from './context.ts'
import { startTimeOf } from './process-identity.ts'
import { type PreparedCommand, ServerNode } from './server-node.ts'

class Node extends ServerNode {
  readonly url = ''
  protected readonly orderlySignal = 'SIGTERM'
  protected readonly quitSignal = 'SIGKILL'
  protected readonly portTaken = /taken/
  prepared: Promise<PreparedCommand> = new Promise(() => {})
  onPrepare: () => void = () => {}
  protected prepare(): Promise<PreparedCommand> {
    this.onPrepare()
    return this.prepared
  }
  protected isReady(): Promise<boolean> {
    return Promise.resolve(true)
  }
  protected clearRemains(): Promise<void> {
    return Promise.resolve()
  }
}

test('pause() and resume() of a server that was killed', async () => {
  const node = new Node({} as HostContext, { name: 'postgres/main/node-1', dir: '/x', logFile: '/x.log' })
  await node.kill()
  await expect(node.pause()).rejects.toThrow(WrongServerStateError)
  await expect(node.pause()).rejects.toMatchObject({ server: 'postgres/main/node-1', state: 'down' })
  await expect(node.resume()).resolves.toBe(undefined)
})

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'quorate-node-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** A node that runs for real, and the ids of its processes. */
function realNode(): { node: Node; pids: number[] } {
  const pids: number[] = []
  const context = {
    account: undefined,
    registry: { add: (pid: number) => void pids.push(pid) },
    clock: systemClock,
    random: systemRandom,
    startTimeoutMs: 10_000,
    signal: new AbortController().signal,
    note: () => {},
  } as unknown as HostContext
  const logFile = path.join(folder, 'log')
  return { node: new Node(context, { name: 'postgres/main/node-1', dir: folder, logFile }), pids }
}

test('a server that is ended by SIGKILL takes its children along', async () => {
  const { node, pids } = realNode()
  const childFile = path.join(folder, 'child')
  const script = 'sleep 61 & echo $! > "$1.new"; mv "$1.new" "$1"; wait'
  node.prepared = Promise.resolve({ command: 'sh', args: ['-c', script, 'sh', childFile] })
  await node.start()
  const child = Number(await vi.waitFor(() => readFile(childFile, 'utf8')))
  expect(startTimeOf(child)).toBeDefined()
  await node.destroy({ orderly: false })
  expect([child, ...pids].map((pid) => startTimeOf(pid))).toEqual([undefined, undefined])
})

test.each(['kill', 'stop'] as const)(
  '%s() of a server that is just being started leaves none behind',
  async (end) => {
    const { node, pids } = realNode()
    const { promise, resolve } = Promise.withResolvers<PreparedCommand>()
    node.prepared = promise
    const preparing = new Promise<void>((called) => (node.onPrepare = called))
    const starting = node.start()
    await preparing
    await node[end]()
    resolve({ command: 'sleep', args: ['60'] })
    await expect(starting).rejects.toThrow(end === 'kill' ? /it is killed/ : /it is stopped/)
    expect(node.state).toBe('down')
    expect(pids.map((pid) => startTimeOf(pid))).toEqual([undefined])
  },
)
