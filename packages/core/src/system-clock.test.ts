import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { systemClock, systemRandom } from './system-clock.ts'

test('systemClock.now() is wall time and monotonic() never goes back', () => {
  const before = Date.now()
  const now = systemClock.now()
  expect(now).toBeGreaterThanOrEqual(before)
  expect(now).toBeLessThanOrEqual(Date.now())
  let last = systemClock.monotonic()
  for (let reading = 0; reading < 1_000; reading++) {
    const next = systemClock.monotonic()
    expect(next).toBeGreaterThanOrEqual(last)
    last = next
  }
})

test('systemClock.sleep() never ends before its time, by the monotonic clock', async () => {
  await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const ms = 1 + index * 0.37
      const startMs = systemClock.monotonic()
      await systemClock.sleep(ms)
      expect(systemClock.monotonic() - startMs).toBeGreaterThanOrEqual(ms)
    }),
  )
})

test.each([0, -5, Number.NaN])('systemClock.sleep(%d) ends at once', async (ms) => {
  await expect(systemClock.sleep(ms)).resolves.toBeUndefined()
})

test('systemClock.sleep() rejects with the reason: at once if aborted before, without its timer if later', async () => {
  const reason = new Error('caller left')
  await expect(systemClock.sleep(60_000, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)

  const cleared = vi.spyOn(globalThis, 'clearTimeout')
  const controller = new AbortController()
  const sleeping = systemClock.sleep(60_000, { signal: controller.signal })
  controller.abort(reason)
  await expect(sleeping).rejects.toBe(reason)
  expect(cleared).toHaveBeenCalledOnce()
  cleared.mockRestore()
})

test('systemClock.sleep() cuts a wait longer than the longest timer into several', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const days = 60
    let awake = false
    const sleeping = systemClock.sleep(days * 86_400_000).then(() => (awake = true))
    await vi.advanceTimersByTimeAsync(days * 86_400_000 - 1)
    expect(awake).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(awake).toBe(true)
    await sleeping
  } finally {
    vi.useRealTimers()
  }
})

test('systemClock.sleep() with ref: false lets the process end, by default it does not', async () => {
  const index = fileURLToPath(new URL('index.ts', import.meta.url))
  const run = async (sleep: string): Promise<string> => {
    const code = `import { systemClock } from ${JSON.stringify(index)}
      process.on('exit', () => console.log('end'))
      ${sleep}.then(() => console.log('woke'))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code])
    return stdout
  }
  expect(await run('systemClock.sleep(600_000, { ref: false })')).toBe('end\n')
  expect(await run('systemClock.sleep(20)')).toBe('woke\nend\n')
})

test('after a stall, what a socket has received meanwhile is heard before a sleep ends, and may still end it', async () => {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[socket]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
    [Socket],
    unknown,
  ]
  for (let round = 0; round < 5; round++) {
    const heard: string[] = []
    const stopping = new AbortController()
    const data = once(socket, 'data').then(() => {
      heard.push('data')
      stopping.abort('answered')
    })
    const sleeping = systemClock.sleep(10).then(() => heard.push('slept'))
    const urgent = systemClock.sleep(10, { urgent: true }).then(() => heard.push('urgent'))
    const ended = systemClock.sleep(10, { signal: stopping.signal }).catch((reason: unknown) => reason)
    client.write('x')
    const untilMs = systemClock.monotonic() + 40
    while (systemClock.monotonic() < untilMs);
    await Promise.all([data, sleeping, urgent])
    expect(heard).toEqual(['urgent', 'data', 'slept'])
    expect(await ended).toBe('answered')
  }
  client.destroy()
  server.close()
})

test('systemRandom() stays in [0, 1)', () => {
  for (let draw = 0; draw < 1_000; draw++) {
    const value = systemRandom()
    expect(value >= 0 && value < 1).toBe(true)
  }
})
