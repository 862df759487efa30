import { expect, test } from 'vitest'
import { WrongServerStateError } from '../errors.ts'
import type { HostContext } from './context.ts'
import { type PreparedCommand, ServerNode } from './server-node.ts'

class Node extends ServerNode {
  readonly url = ''
  protected readonly orderlySignal = 'SIGTERM'
  protected readonly quitSignal = 'SIGQUIT'
  protected readonly portTaken = /taken/
  protected prepare(): Promise<PreparedCommand> {
    return Promise.reject(new Error('not in this test'))
  }
  protected isReady(): Promise<boolean> {
    return Promise.resolve(false)
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
