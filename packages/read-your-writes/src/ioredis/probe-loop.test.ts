import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import type { Pace } from '../health.ts'
import { Connection } from './connection.ts'
import type { RedisClient } from './port.ts'
import { ProbeLoop } from './probe-loop.ts'

const DEADLINE_MS = 100
const ANSWER = `role:slave\r\nmaster_link_status:up\r\nslave_repl_offset:5\r\nmaster_replid:${'a'.repeat(40)}\r\n`

/** A probe of a server that answers when the test says so. */
function probed({ status = 'ready' } = {}): {
  readonly clock: VirtualClock
  readonly said: ('failed' | Pace)[]
  readonly answer: () => void
  /** Its connection is there at last. */
  readonly connects: () => void
  readonly stop: () => Promise<void>
} {
  const open: ((text: string) => void)[] = []
  const listeners: (() => void)[] = []
  const client: RedisClient & { status: string } = {
    status,
    options: {},
    info: () => new Promise((resolve) => open.push(resolve)),
    sendCommand: () => undefined,
    on: (event, listener) => event === 'ready' && listeners.push(listener),
    removeListener: () => undefined,
  }
  const nothing = (): void => {}
  const connection = new Connection(client, { ready: nothing, lost: nothing })
  const clock = new VirtualClock()
  const said: ('failed' | Pace)[] = []
  const loop = new ProbeLoop({
    connection: () => connection,
    clock,
    deadlineMs: DEADLINE_MS,
    intervalMs: () => 100,
    answered: (_replication, _askedAtMs, pace) => said.push(pace),
    failed: () => said.push('failed'),
  })
  loop.start()
  return {
    clock,
    said,
    answer: () => {
      for (const resolve of open.splice(0)) resolve(ANSWER)
    },
    connects: () => {
      client.status = 'ready'
      for (const listener of listeners) listener()
    },
    stop: () => loop.stop(),
  }
}

test('an answer is told by how soon it came: within half of the deadline, within the deadline, after it', async () => {
  const { clock, said, answer, stop } = probed()
  for (const tookMs of [50, 51, 99, 250]) {
    await clock.advance(tookMs)
    answer()
    await clock.advance(100)
  }
  expect(said).toEqual(['prompt', 'timely', 'timely', 'failed', 'late'])
  await stop()
})

test('who was asked late, since there was no connection, has not answered late', async () => {
  const { clock, said, answer, connects, stop } = probed({ status: 'connecting' })
  await clock.advance(90)
  connects()
  await clock.advance(60)
  answer()
  await clock.advance(50)
  expect(said).toEqual(['failed', 'timely'])
  await stop()
})
