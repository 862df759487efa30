import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { dial, dialError, Target, untilTrue } from '../test/sockets.ts'
import { createChaos, type ChaosEvent, type Chaos, type Link } from './index.ts'

async function echoLink(
  chaos: Chaos,
  target: Target,
  options: Partial<Parameters<Chaos['link']>[0]> = {},
): Promise<Link> {
  return chaos.link({ from: 'client', to: 'server', target: { port: target.port }, ...options })
}

test('a link with no fault passes bytes and ends both ways', async () => {
  await using target = await Target.open({ echo: true })
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  const client = await dial(link.port)
  await client.send('hello')
  await client.untilText('hello')
  client.socket.end()
  await client.until(() => client.closed)
  await untilTrue(() => link.connections.length === 0)
  expect(link.stats).toMatchObject({ accepted: 1, open: 0, reset: 0, bytesTo: 5, bytesFrom: 5, heldBytes: 0 })
})

test('a half-closed connection still passes the answer', async () => {
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  const client = await dial(link.port)
  client.socket.end('question')
  const server = await target.peer()
  await server.until(() => server.ended)
  server.socket.end('answer')
  await client.until(() => client.ended)
  expect([server.text, client.text]).toEqual(['question', 'answer'])
})

test('latency() delays each way by its own time, for live and new connections alike', async () => {
  const clock = new VirtualClock()
  await using target = await Target.open({ echo: true })
  await using chaos = createChaos({ seed: 1, clock })
  const link = await echoLink(chaos, target)
  const live = await dial(link.port)
  await live.send('a')
  await live.untilText('a')
  await link.latency({ ms: 40 })
  const fresh = await dial(link.port)
  const roundTrip = async (peer: typeof live, server: number): Promise<void> => {
    const before = peer.text
    await peer.send('x')
    await untilTrue(() => link.stats.heldBytes === 1)
    const atServer = await target.peer(server)
    const seen = atServer.text
    await clock.advance(39)
    expect(atServer.text).toBe(seen)
    await clock.advance(1)
    await atServer.untilText(`${seen}x`)
    await untilTrue(() => link.stats.heldBytes === 1)
    await clock.advance(39)
    expect(peer.text).toBe(before)
    await clock.advance(1)
    await peer.untilText(`${before}x`)
  }
  await roundTrip(live, 0)
  await roundTrip(fresh, 1)
})

test('latency() with jitter keeps the order of bytes', async () => {
  await using target = await Target.open({ echo: true })
  await using chaos = createChaos({ seed: 7 })
  const link = await echoLink(chaos, target, { faults: { latency: { ms: 3, jitterMs: 3 } } })
  const client = await dial(link.port)
  let sent = ''
  for (let index = 0; index < 200; index++) {
    sent += `${index},`
    await client.send(`${index},`)
  }
  await client.untilText(sent)
  expect((await target.peer()).text).toBe(sent)
})

test('latency() in one direction leaves the other alone', async () => {
  const clock = new VirtualClock()
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1, clock })
  const link = await echoLink(chaos, target, { faults: { latency: { ms: 40, direction: 'from' } } })
  const client = await dial(link.port)
  await client.send('now')
  const server = await target.peer()
  await server.untilText('now')
  await server.send('later')
  await untilTrue(() => link.stats.heldBytes === 5)
  expect(client.text).toBe('')
  await clock.advance(40)
  await client.untilText('later')
})

test('partition() with drop stalls, closes nothing and delivers all after heal()', async () => {
  await using target = await Target.open({ echo: true })
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  const witness = await echoLink(chaos, target)
  const client = await dial(link.port)
  await client.send('before,')
  await client.untilText('before,')
  await link.partition()
  await client.send('during,')
  client.socket.end()
  // Another way to the same target works, so the stall is the link's.
  const other = await dial(witness.port)
  await other.send('x')
  await other.untilText('x')
  expect(client).toMatchObject({ text: 'before,', ended: false, closed: false, error: undefined })
  expect((await target.peer(0)).ended).toBe(false)
  await link.heal()
  await client.until(() => client.ended)
  expect(client.text).toBe('before,during,')
})

test("partition() in direction 'to' stops requests and lets answers pass", async () => {
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  const client = await dial(link.port)
  const server = await target.peer()
  await link.partition({ direction: 'to' })
  await client.send('held')
  await server.send('passes')
  await client.untilText('passes')
  expect(server.text).toBe('')
  await link.heal()
  await server.untilText('held')
})

test('a stalled sender feels back-pressure, and the link holds next to nothing', async () => {
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  const client = await dial(link.port)
  const server = await target.peer()
  await link.partition()
  const block = Buffer.alloc(1 << 20, 7)
  let written = 0
  for (let index = 0; index < 64; index++) client.socket.write(block, () => written++)
  const witness = await echoLink(chaos, target)
  const other = await dial(witness.port)
  await other.send('x')
  await (await target.peer(1)).untilText('x')
  expect(written).toBeLessThan(64)
  expect(link.stats.heldBytes).toBe(0)
  await link.heal()
  await server.until(() => server.length === 64 << 20)
})

test('a slow reader behind a delay stops the sender at maxHeldBytes', async () => {
  const clock = new VirtualClock()
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1, clock })
  const link = await echoLink(chaos, target, { baseline: { latency: { ms: 1_000 } }, maxHeldBytes: 100_000 })
  const client = await dial(link.port)
  client.socket.write(Buffer.alloc(4 << 20, 1))
  await untilTrue(() => link.stats.heldBytes >= 100_000)
  expect(link.stats.heldBytes).toBeLessThan(100_000 + 65_536)
  const server = await target.peer()
  const done = server.until(() => server.length === 4 << 20)
  const arrived = new AbortController()
  void done.then(() => arrived.abort())
  while (!arrived.signal.aborted) {
    await clock.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
})

test('a connection made during a drop hangs, and reaches the target after heal()', async () => {
  await using target = await Target.open({ echo: true })
  const events: ChaosEvent[] = []
  await using chaos = createChaos({ seed: 1, onEvent: (event) => events.push(event) })
  const link = await echoLink(chaos, target, { faults: { partition: {} } })
  const client = await dial(link.port)
  await client.send('patience')
  await untilTrue(() => link.stats.heldBytes === 8)
  expect(target.count).toBe(0)
  expect(link.connections[0]?.state).toBe('held')
  await link.heal()
  await client.untilText('patience')
  expect(events.map(({ type }) => type)).toEqual([
    'link-opened',
    'connection-held',
    'healed',
    'connection-opened',
  ])
})

test('a client that leaves before the heal is never seen by the target', async () => {
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target, { faults: { partition: {} } })
  const client = await dial(link.port)
  await untilTrue(() => link.stats.held === 1)
  client.socket.destroy()
  await untilTrue(() => link.connections.length === 0)
  await link.heal()
  await (await dial(link.port)).send('second')
  await (await target.peer()).untilText('second')
  expect(target.count).toBe(1)
})

test('partition() with reset resets live and new connections on both sides', async () => {
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  const live = await dial(link.port)
  const server = await target.peer()
  await link.partition({ mode: 'reset' })
  await live.until(() => live.closed)
  await server.until(() => server.closed)
  expect([live.error?.code, server.error?.code]).toEqual(['ECONNRESET', 'ECONNRESET'])
  const fresh = await dial(link.port)
  await fresh.until(() => fresh.closed)
  expect(fresh.error?.code).toBe('ECONNRESET')
  expect(target.count).toBe(1)
  expect(link.stats.reset).toBe(2)
})

test('a reset one way leaves a half-open connection, found out after heal()', async () => {
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  const client = await dial(link.port)
  const server = await target.peer()
  await link.partition({ direction: 'to', mode: 'reset' })
  await client.until(() => client.closed)
  expect(link.connections[0]?.state).toBe('half-open')
  await server.send('still there?')
  const witness = await echoLink(chaos, target)
  const other = await dial(witness.port)
  await other.send('x')
  await (await target.peer(1)).untilText('x')
  expect(server).toMatchObject({ ended: false, closed: false })
  await link.heal()
  await server.send('hello?').catch(() => {})
  await server.until(() => server.closed)
  expect(server.error?.code).toBe('ECONNRESET')
})

test('partition() with refuse refuses new connections until heal()', async () => {
  await using target = await Target.open({ echo: true })
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  const { port } = link
  const live = await dial(port)
  await link.partition({ mode: 'refuse' })
  await live.until(() => live.closed)
  expect(await dialError(port)).toBe('ECONNREFUSED')
  await link.heal()
  const client = await dial(port)
  await client.send('back')
  await client.untilText('back')
})

test('partition() with refuse before the port listens lets nobody through', async () => {
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target, { faults: { partition: { mode: 'refuse' } } })
  expect(await dialError(link.port)).toBe('ECONNREFUSED')
  await link.heal()
  expect(await dialError(link.port)).toBeUndefined()
})

test('dropConnection() spoils the nth coming connection only', async () => {
  await using target = await Target.open({ echo: true })
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  await link.dropConnection(2)
  const fates: (string | undefined)[] = []
  for (let index = 0; index < 3; index++) {
    const client = await dial(link.port)
    client.socket.write('x')
    await client.until(() => client.text === 'x' || client.closed)
    fates.push(client.error?.code)
  }
  expect(fates).toEqual([undefined, 'ECONNRESET', undefined])
})

test('dropConnection() with drop accepts and never answers', async () => {
  await using target = await Target.open({ echo: true })
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  await link.dropConnection(1, { mode: 'drop' })
  const silent = await dial(link.port)
  await silent.send('anyone?')
  const next = await dial(link.port)
  await next.send('x')
  await next.untilText('x')
  await link.heal()
  expect(target.count).toBe(1)
  expect(silent).toMatchObject({ text: '', closed: false })
})

test('resetAfter() passes exactly so many bytes, then resets', async () => {
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  await link.resetAfter({ bytes: 10, direction: 'to' })
  const client = await dial(link.port)
  const server = await target.peer()
  await server.send('not counted, as it goes the other way')
  await client.send('12345')
  await server.untilText('12345')
  await client.send('67890abc')
  await server.until(() => server.closed)
  expect(server.text).toBe('1234567890')
  expect(server.error?.code).toBe('ECONNRESET')
  await client.until(() => client.closed)
  expect(link.stats).toMatchObject({ bytesTo: 10, reset: 1 })
})

test('bandwidth() lets bytes through at its rate', async () => {
  const clock = new VirtualClock()
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1, clock })
  const link = await echoLink(chaos, target)
  await link.bandwidth({ bytesPerSecond: 1_000 })
  const client = await dial(link.port)
  const server = await target.peer()
  await client.send(Buffer.alloc(1_000))
  await untilTrue(() => link.stats.heldBytes === 1_000)
  await clock.advance(500)
  await server.until(() => server.length >= 448) // pieces of 64 bytes
  expect(server.length).toBeLessThanOrEqual(500)
  await clock.advance(500)
  await server.until(() => server.length === 1_000)
})

test('slice() cuts into pieces with pauses between them', async () => {
  const clock = new VirtualClock()
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1, clock })
  const link = await echoLink(chaos, target, { faults: { slice: { bytes: 4, delayMs: 10 } } })
  const client = await dial(link.port)
  const server = await target.peer()
  await client.send('aaaabbbbcc')
  await server.untilText('aaaa')
  await clock.advance(9)
  expect(server.text).toBe('aaaa')
  await clock.advance(1)
  await server.untilText('aaaabbbb')
  await clock.advance(10)
  await server.untilText('aaaabbbbcc')
})

test('heal() returns to the baseline and hurries what was delayed by a fault', async () => {
  const clock = new VirtualClock()
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1, clock })
  const link = await echoLink(chaos, target, { baseline: { latency: { ms: 40 } } })
  await link.latency({ ms: 9_000 })
  const client = await dial(link.port)
  const server = await target.peer()
  await client.send('slow,')
  await untilTrue(() => link.stats.heldBytes === 5)
  await link.heal()
  await server.untilText('slow,')
  await client.send('normal')
  await untilTrue(() => link.stats.heldBytes === 6)
  await clock.advance(40)
  await server.untilText('slow,normal')
  expect(link.stats.bytesTo).toBe(11)
})

test('retarget() leads new connections to the new target and leaves live ones alone', async () => {
  await using first = await Target.open({ echo: true })
  await using second = await Target.open({ echo: true })
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, first)
  const live = await dial(link.port)
  await live.send('a')
  await live.untilText('a')
  await link.retarget({ port: second.port })
  const fresh = await dial(link.port)
  await fresh.send('b')
  await fresh.untilText('b')
  await live.send('c')
  await live.untilText('ac')
  expect([first.count, second.count]).toEqual([1, 1])
})

test('a target that is not there resets the client, and no error escapes', async () => {
  const target = await Target.open()
  const { port } = target
  await target[Symbol.asyncDispose]()
  const events: ChaosEvent[] = []
  await using chaos = createChaos({ seed: 1, onEvent: (event) => events.push(event) })
  const link = await chaos.link({ from: 'a', to: 'b', target: { port } })
  const client = await dial(link.port)
  await client.until(() => client.closed)
  expect(client.error?.code).toBe('ECONNRESET')
  expect(events.at(-1)).toMatchObject({ type: 'connection-closed', reason: 'target-unreachable' })
})

test('an abort by one side reaches the other side', async () => {
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  const client = await dial(link.port)
  const server = await target.peer()
  client.socket.resetAndDestroy()
  await server.until(() => server.closed)
  expect(server.error?.code).toBe('ECONNRESET')
  await untilTrue(() => link.connections.length === 0)
  expect(link.stats.reset).toBe(0)
})

test('disposing heals, closes all connections and gives up the port', async () => {
  await using target = await Target.open()
  const chaos = createChaos({ seed: 1 })
  const link = await echoLink(chaos, target)
  const client = await dial(link.port)
  const server = await target.peer()
  await link.partition()
  await client.send('last words')
  await chaos[Symbol.asyncDispose]()
  await client.until(() => client.closed)
  await server.until(() => server.closed || server.ended)
  expect(await dialError(link.port)).toBe('ECONNREFUSED')
  expect(chaos.links).toEqual([])
})

test('a taken port and a senseless fault are told apart', async () => {
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1 })
  await expect(
    chaos.link({ from: 'a', to: 'b', port: target.port, target: { port: 1 } }),
  ).rejects.toMatchObject({
    code: 'QUORATE_CHAOS_LINK_LISTEN',
    port: target.port,
    outcome: 'not-applied',
  })
  const link = await echoLink(chaos, target)
  await expect(link.latency({ ms: -1 })).rejects.toBeInstanceOf(RangeError)
  await expect(link.bandwidth({ bytesPerSecond: 0 })).rejects.toBeInstanceOf(RangeError)
  await expect(link.slice({ bytes: 0.5 })).rejects.toBeInstanceOf(RangeError)
  await expect(link.dropConnection(0)).rejects.toBeInstanceOf(RangeError)
  await expect(link.partition({ mode: 'melt' as 'drop' })).rejects.toBeInstanceOf(TypeError)
  expect(chaos.links).toEqual([link])
})

test('cut() stops all links between two regions, also later ones, and heal() of the pair undoes it', async () => {
  await using target = await Target.open({ echo: true })
  await using chaos = createChaos({ seed: 1 })
  const ab = await chaos.link({ from: 'us', to: 'eu', target: { port: target.port } })
  const ac = await chaos.link({ from: 'us', to: 'ap', target: { port: target.port } })
  await chaos.cut('eu', 'us')
  const ba = await chaos.link({ from: 'eu', to: 'us', target: { port: target.port } })
  const cut = [await dial(ab.port), await dial(ba.port)]
  for (const client of cut) await client.send('x')
  const free = await dial(ac.port)
  await free.send('x')
  await free.untilText('x')
  await ab.heal() // a link cannot undo what was done to its regions
  await untilTrue(() => ab.stats.heldBytes === 1 && ba.stats.heldBytes === 1)
  expect(target.count).toBe(1)
  await chaos.heal('us', 'eu')
  for (const client of cut) await client.untilText('x')
})

test('cut() one way stops what flows that way on links of either orientation', async () => {
  await using target = await Target.open()
  await using chaos = createChaos({ seed: 1 })
  const ab = await chaos.link({ from: 'us', to: 'eu', target: { port: target.port } })
  const ba = await chaos.link({ from: 'eu', to: 'us', target: { port: target.port } })
  const clientA = await dial(ab.port)
  const serverA = await target.peer(0)
  const clientB = await dial(ba.port)
  const serverB = await target.peer(1)
  await chaos.cut('us', 'eu', { direction: 'to' })
  await clientA.send('stopped')
  await serverB.send('stopped')
  await serverA.send('flows')
  await clientB.send('flows')
  await clientA.untilText('flows')
  await serverB.untilText('flows')
  expect([serverA.text, clientB.text]).toEqual(['', ''])
  await chaos.heal()
  await serverA.untilText('stopped')
  await clientB.untilText('stopped')
})

test('after its end, a chaos refuses to make links, cut regions or take processes', async () => {
  const chaos = createChaos({ seed: 1 })
  await chaos[Symbol.asyncDispose]()
  const closed = { name: 'ChaosClosedError', code: 'QUORATE_CHAOS_CLOSED', outcome: 'not-applied' }
  const options = { from: 'a', to: 'b', target: { port: 9 } }
  await expect(chaos.link(options)).rejects.toMatchObject({
    ...closed,
    message: expect.stringMatching(/make a new one/),
  })
  await expect(chaos.cut('a', 'b')).rejects.toMatchObject(closed)
  expect(() => chaos.process(process.ppid)).toThrow(expect.objectContaining(closed))
  expect(chaos.links).toEqual([])
})

test('a link under way when its chaos ends gives its port back', async () => {
  const servers = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap').length
  const before = servers()
  const chaos = createChaos({ seed: 1 })
  const making = chaos.link({ from: 'a', to: 'b', target: { port: 9 } })
  const [made] = await Promise.allSettled([making, chaos[Symbol.asyncDispose]()])
  expect(made).toMatchObject({ status: 'rejected', reason: { code: 'QUORATE_CHAOS_CLOSED' } })
  await untilTrue(() => servers() <= before)
})

test('a closed link refuses faults; heal() and close() do nothing more', async () => {
  await using chaos = createChaos({ seed: 1 })
  const link = await chaos.link({ from: 'a', to: 'b', target: { port: 9 } })
  await link.close()
  const faults = [
    () => link.latency({ ms: 1 }),
    () => link.bandwidth({ bytesPerSecond: 1_000 }),
    () => link.slice({ bytes: 10 }),
    () => link.partition({ mode: 'refuse' }),
    () => link.dropConnection(1),
    () => link.resetAfter({ bytes: 1 }),
    () => link.resetConnections(),
    () => link.retarget({ port: 10 }),
  ]
  for (const set of faults) {
    await expect(set()).rejects.toMatchObject({ code: 'QUORATE_CHAOS_CLOSED', target: 'link a→b' })
  }
  await link.heal()
  await link.close()
})
