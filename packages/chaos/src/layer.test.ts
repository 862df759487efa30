import { VirtualClock } from '@quorate/core'
import { describe, expect, it } from 'vitest'
import { dial, Target, untilTrue } from '../test/sockets.ts'
import { createChaos, partition } from './index.ts'

describe('link.layer()', () => {
  it('holds beside other faults and ends alone', async () => {
    await using target = await Target.open({ echo: true })
    await using chaos = createChaos()
    const link = await chaos.link({ from: 'a', to: 'b', target: { port: target.port } })
    await link.partition({ mode: 'drop', direction: 'from' })
    await link.layer('one', { partition: { mode: 'drop', direction: 'to' } })
    await link.layer('two', { partition: { mode: 'drop' } })
    const client = await dial(link.port)
    await client.send('x')
    await link.layer('two', undefined)
    await link.layer('one', undefined)
    expect(link.stats.held).toBe(1)
    await link.heal()
    await client.untilText('x')
    client.socket.destroy()
  })

  it('heal() takes layers away, and a layer that is gone can be taken away again', async () => {
    await using target = await Target.open({ echo: true })
    await using chaos = createChaos()
    const link = await chaos.link({ from: 'a', to: 'b', target: { port: target.port } })
    await link.layer('one', { partition: { mode: 'refuse' } })
    await link.heal()
    const client = await dial(link.port)
    await client.send('x')
    await client.untilText('x')
    client.socket.destroy()
    await link.layer('one', undefined)
    await link.close()
    await link.layer('one', undefined)
    await expect(link.layer('one', {})).rejects.toThrow(/is closed/)
  })

  it('adds its latency to the others', async () => {
    await using target = await Target.open()
    const clock = new VirtualClock()
    await using chaos = createChaos({ clock })
    const link = await chaos.link({
      from: 'a',
      to: 'b',
      target: { port: target.port },
      baseline: { latency: { ms: 100 } },
    })
    await link.layer('slow', { latency: { ms: 30, direction: 'to' } })
    await link.layer('slower', { latency: { ms: 7 } })
    const client = await dial(link.port)
    const server = await target.peer()
    await client.send('x')
    await untilTrue(() => link.stats.heldBytes === 1)
    await clock.advance(136)
    expect(link.stats.bytesTo).toBe(0)
    await clock.advance(1)
    await server.untilText('x')
    await server.send('y')
    await untilTrue(() => link.stats.heldBytes === 1)
    await clock.advance(106)
    expect(link.stats.bytesFrom).toBe(0)
    await clock.advance(1)
    await client.untilText('y')
    for (const layer of ['slow', 'slower']) await link.layer(layer, undefined)
    await client.send('z')
    await untilTrue(() => link.stats.heldBytes === 1)
    await clock.advance(100)
    await server.untilText('xz')
    client.socket.destroy()
  })
})

describe('chaos.nemesis() on real links', () => {
  it('a partition stalls what it cuts, and what was held arrives after it', async () => {
    await using target = await Target.open({ echo: true })
    const clock = new VirtualClock()
    await using chaos = createChaos({ seed: 1, clock })
    const link = await chaos.link({ from: 'a', to: 'b', target: { port: target.port } })
    const nodes = [{ name: 'a' }, { name: 'b' }]
    const topology = { nodes, links: [{ from: 'a', to: 'b', link }] }
    const run = chaos.nemesis([partition('one')], {
      topology,
      everyMs: [100, 100],
      lastsMs: [50, 50],
      forMs: 150,
    })
    const client = await dial(link.port)
    await client.send('1')
    await client.untilText('1')
    await clock.advance(120)
    await client.send('2')
    expect(client.text).toBe('1')
    await clock.advance(30)
    await client.untilText('12')
    expect((await run).caused).toHaveLength(1)
    client.socket.destroy()
  })
})

describe('chaos.cut()', () => {
  it('that meets a link just opening leaves it with one port', async () => {
    await using target = await Target.open({ echo: true })
    const servers = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap').length
    const before = servers()
    await using chaos = createChaos()
    const opening = chaos.link({ from: 'a', to: 'b', target: { port: target.port } })
    await chaos.cut('a', 'b')
    const link = await opening
    expect(servers()).toBe(before + 1)
    await chaos.heal('a', 'b')
    const client = await dial(link.port)
    await client.send('x')
    await client.untilText('x')
    expect(link.stats.accepted).toBe(1)
    client.socket.destroy()
  })

  it('that refuses a link just opening is in force when it is open', async () => {
    await using target = await Target.open()
    await using chaos = createChaos()
    const opening = chaos.link({ from: 'a', to: 'b', target: { port: target.port } })
    await chaos.cut('a', 'b', { mode: 'refuse' })
    const link = await opening
    await expect(dial(link.port)).rejects.toThrow('ECONNREFUSED')
  })
})
