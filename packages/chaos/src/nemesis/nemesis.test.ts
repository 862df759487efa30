import { VirtualClock } from '@quorate/core'
import { describe, expect, it } from 'vitest'
import { fakeWorld } from '../../test/fake-world.ts'
import {
  type ChaosEvent,
  createChaos,
  type FaultHistory,
  kill,
  mergeTopologies,
  NotHealedError,
  partition,
  pause,
  skewedClock,
  type Topology,
} from '../index.ts'

const noted = (): FaultHistory & { readonly lines: string[] } => {
  const lines: string[] = []
  return {
    lines,
    fault: ({ name, targets }) => {
      lines.push(`${name} ${targets.join()}`)
      return { end: () => void lines.push(`end ${name}`) }
    },
  }
}

/** Moves the clock until the promise has settled. */
async function settle<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  const state = { over: false }
  const end = (): void => void (state.over = true)
  promise.then(end, end)
  while (!state.over) await clock.advance(50)
  return promise
}

describe('chaos.nemesis()', () => {
  it('causes and heals each fault at its time, and writes it into the history', async () => {
    const clock = new VirtualClock()
    const events: ChaosEvent[] = []
    await using chaos = createChaos({ seed: 1, clock, onEvent: (event) => events.push(event) })
    const topology = fakeWorld()
    const history = noted()
    const run = chaos.nemesis('1000; 100+300 kill db-1; 200+500 partition drop db-2 | db-1 db-3', {
      topology,
      history,
    })
    await clock.advance(150)
    expect(topology.log).toEqual(['kill db-1'])
    await clock.advance(100)
    expect([...topology.broken].toSorted()).toEqual(['db-1', 'db-2>db-1', 'db-3>db-2'])
    await clock.advance(200)
    expect(topology.broken.has('db-1')).toBe(false)
    await clock.advance(350)
    expect(topology.broken.size).toBe(0)
    const report = await settle(clock, run)
    expect(report.elapsedMs).toBe(1_000)
    expect(report.caused).toEqual(report.schedule.faults)
    expect(history.lines).toEqual(['kill db-1', 'partition db-2', 'end kill', 'end partition'])
    expect(events.map(({ type }) => type)).toEqual([
      'nemesis-started',
      'nemesis-fault',
      'nemesis-fault',
      'nemesis-healed',
      'nemesis-healed',
      'nemesis-ended',
    ])
  })

  it('does the same again from its text', async () => {
    const play = async (what: 'plan' | 'replay', text = ''): Promise<{ log: string[]; text: string }> => {
      const clock = new VirtualClock()
      await using chaos = createChaos({ seed: 5, clock })
      const topology = fakeWorld(5)
      const faults = [partition('one'), partition('ring'), kill('primary'), pause('one')]
      const run =
        what === 'plan'
          ? chaos.nemesis(faults, { topology, forMs: 20_000 })
          : chaos.nemesis(text, { topology })
      const report = await settle(clock, run)
      expect(topology.broken.size).toBe(0)
      return { log: topology.log, text: report.text }
    }
    const first = await play('plan')
    expect(first.log.length).toBeGreaterThan(20)
    expect(await play('replay', first.text)).toEqual(first)
    expect(await play('plan')).toEqual(first)
  })

  it('stop() heals at once and reports what never began', async () => {
    const clock = new VirtualClock()
    await using chaos = createChaos({ clock })
    const topology = fakeWorld()
    const run = chaos.nemesis('9000; 100+8000 kill db-1; 5000+100 pause db-2', { topology })
    await clock.advance(200)
    const report = await run.stop()
    expect(topology.log).toEqual(['kill db-1', 'restart db-1'])
    expect(report.skipped).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  it('an abort heals, then rejects with its reason', async () => {
    const clock = new VirtualClock()
    await using chaos = createChaos({ clock })
    const topology = fakeWorld()
    const stopping = new AbortController()
    const run = chaos.nemesis('9000; 100+8000 kill db-1', { topology, signal: stopping.signal })
    await clock.advance(200)
    stopping.abort(new Error('enough'))
    await expect(run).rejects.toThrow('enough')
    expect(topology.broken.size).toBe(0)
    await run[Symbol.asyncDispose]()
  })

  it('disposing the chaos heals', async () => {
    const clock = new VirtualClock()
    const chaos = createChaos({ clock })
    const topology = fakeWorld()
    void chaos.nemesis('9000; 100+8000 kill db-1; 150+8000 pause db-2', { topology })
    await clock.advance(200)
    expect(topology.broken.size).toBe(2)
    await chaos[Symbol.asyncDispose]()
    expect(topology.broken.size).toBe(0)
    expect(() => chaos.nemesis('1', { topology })).toThrow(/chaos is closed/)
  })

  it('begins a fault only when those planned to end before are healed, however long that takes', async () => {
    const clock = new VirtualClock()
    await using chaos = createChaos({ clock })
    const world = fakeWorld()
    const slow = world.nodes.map((node) => ({
      ...node,
      restart: async () => {
        await clock.sleep(1_000)
        await node.restart?.()
      },
    }))
    const topology = { nodes: slow, links: world.links }
    const run = chaos.nemesis('9000; 100+100 kill db-1; 300+100 kill db-2', { topology })
    await settle(clock, run)
    expect(world.log).toEqual(['kill db-1', 'restart db-1', 'kill db-2', 'restart db-2'])
  })

  it('tries again what cannot be healed at first', async () => {
    const clock = new VirtualClock()
    await using chaos = createChaos({ clock })
    let attempts = 0
    const topology: Topology = {
      nodes: [
        {
          name: 'db-1',
          kill: async () => {},
          restart: async () => {
            attempts++
            if (attempts < 4) throw new Error('not yet')
          },
        },
      ],
      links: [],
    }
    const report = await settle(clock, chaos.nemesis('500; 100+100 kill db-1', { topology }))
    expect(attempts).toBe(4)
    expect(report.failed).toEqual([])
  })

  it('says what it could not heal, in bounded time, heals the rest, and leaves the fault open in the history', async () => {
    const clock = new VirtualClock()
    await using chaos = createChaos({ clock })
    const world = fakeWorld()
    const nodes = world.nodes.map((node) =>
      node.name === 'db-1' ? { ...node, restart: () => new Promise<void>(() => {}) } : node,
    )
    const history = noted()
    const topology = { nodes, links: world.links }
    const text = '9000; 100+100 kill db-1; 100+8000 pause db-2; 700+100 kill db-3'
    const run = chaos.nemesis(text, { topology, history, healWithinMs: 2_000 })
    const error = await settle(clock, run).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(NotHealedError)
    expect(String(error)).toMatch(/kill db-1: it was not done in 2000 ms/)
    expect((error as NotHealedError).schedule).toBe(text)
    expect(clock.monotonic()).toBeLessThan(3_000)
    expect([...world.broken]).toEqual(['db-1'])
    expect(history.lines.filter((line) => line.startsWith('end'))).toEqual(['end pause'])
  })

  it('goes on when a fault cannot be caused, and takes back the half of it that was', async () => {
    const clock = new VirtualClock()
    const events: ChaosEvent[] = []
    await using chaos = createChaos({ clock, onEvent: (event) => events.push(event) })
    const world = fakeWorld()
    const nodes = world.nodes.map((node) =>
      node.name === 'db-1' ? { ...node, kill: () => Promise.reject(new Error('it is down')) } : node,
    )
    const topology = { nodes, links: world.links }
    const report = await settle(
      clock,
      chaos.nemesis('900; 100+100 kill db-1 db-2; 300+100 kill db-3', { topology }),
    )
    expect(report.failed).toMatchObject([{ error: { message: 'it is down' } }])
    expect(report.caused).toHaveLength(1)
    expect(world.broken.size).toBe(0)
    expect(events.some(({ type }) => type === 'nemesis-fault-failed')).toBe(true)
  })

  it('waits for those that are under way when another one throws at once', async () => {
    const clock = new VirtualClock()
    await using chaos = createChaos({ clock })
    const world = fakeWorld()
    const slow = async (node: (typeof world.nodes)[number]): Promise<void> => {
      await clock.sleep(200)
      await node.kill?.()
    }
    const nodes = world.nodes.map((node) => ({
      ...node,
      kill: (): Promise<void> => {
        if (node.name === 'db-2') throw new Error('at once')
        return slow(node)
      },
    }))
    const topology = { nodes, links: world.links }
    const report = await settle(clock, chaos.nemesis('900; 100+100 kill db-1 db-2', { topology }))
    expect(report.failed).toMatchObject([{ error: { message: 'at once' } }])
    expect(world.log.at(-1)).toMatch(/^restart/)
    expect(world.broken.size).toBe(0)
  })

  it('heals everything when the history fails', async () => {
    const clock = new VirtualClock()
    const world = fakeWorld()
    const history: FaultHistory = {
      fault: ({ targets }) => {
        if (targets.includes('db-2')) throw new Error('disk full')
        return { end: () => {} }
      },
    }
    await using chaos = createChaos({ clock })
    const run = chaos.nemesis('900; 100+700 kill db-1; 200+100 kill db-2', { topology: world, history })
    const report = await settle(clock, run)
    expect(report.failed).toMatchObject([{ error: { message: 'disk full' } }])
    expect(world.log).toContain('kill db-1')
    expect(world.broken.size).toBe(0)
  })

  it('undoes what comes about after its time was over', async () => {
    const clock = new VirtualClock()
    await using chaos = createChaos({ clock })
    const world = fakeWorld()
    const nodes = world.nodes.map((node) => ({
      ...node,
      kill: async () => {
        await clock.sleep(5_000)
        await node.kill?.()
      },
    }))
    const run = chaos.nemesis('9000; 100+100 kill db-1', {
      topology: { nodes, links: world.links },
      healWithinMs: 1_000,
    })
    const report = await settle(clock, run)
    expect(report.failed).toHaveLength(1)
    expect(world.log.at(-1)).toBe('restart db-1')
    expect(world.broken.size).toBe(0)
  })

  it('follows names to whoever has them when a fault begins, and heals the one it broke', async () => {
    const clock = new VirtualClock()
    await using chaos = createChaos({ clock })
    const { nodes, log } = fakeWorld()
    const [a, b] = nodes
    let primary = a
    const topology: Topology = {
      get nodes() {
        return [{ ...primary, name: 'primary', role: 'primary' }]
      },
      links: [],
    }
    const run = chaos.nemesis('900; 100+300 kill primary; 500+100 kill primary', { topology })
    await clock.advance(200)
    primary = b
    await settle(clock, run)
    expect(log).toEqual(['kill db-1', 'restart db-1', 'kill db-2', 'restart db-2'])
  })

  it('sets clocks off and right again', async () => {
    const clock = new VirtualClock()
    await using chaos = createChaos({ clock })
    const wrong = skewedClock(clock, { skewMs: 7 })
    const topology = { nodes: [{ name: 'api', clock: wrong }], links: [] }
    const text = '9000; 100+1000 clock-skew -3000 api; 2000+1000 clock-drift 50000 api'
    const run = chaos.nemesis(text, { topology })
    await clock.advance(500)
    expect(wrong.offByMs).toBe(-2_993)
    await clock.advance(1_000)
    expect(wrong.offByMs).toBe(7)
    await clock.advance(1_000)
    expect(wrong.offByMs).toBeCloseTo(32, 6)
    await settle(clock, run)
    expect(wrong.offByMs).toBeCloseTo(7, 6)
    expect(wrong.driftPpm).toBe(0)
  })

  it('refuses at once a schedule for somebody who is not there, or cannot be broken like that', async () => {
    await using chaos = createChaos({ clock: new VirtualClock() })
    const topology = fakeWorld()
    expect(() => chaos.nemesis('900; 1+1 kill db-9', { topology })).toThrow(
      /no node db-9; the topology has db-1/,
    )
    expect(() => chaos.nemesis('900; 1+1 kill client-1', { topology })).toThrow(/nothing to kill it with/)
    expect(() => chaos.nemesis('900; 1+1 slow-links 1 1 a>b', { topology })).toThrow(/no link from a to b/)
    expect(() => chaos.nemesis('900; 1+1 clock-skew 1 db-1', { topology })).toThrow(/nothing to clock/)
    expect(() => chaos.nemesis('9', { topology, healWithinMs: 0 })).toThrow(RangeError)
    const doubled = mergeTopologies(topology, fakeWorld(1))
    expect(() => chaos.nemesis('9', { topology: doubled })).toThrow(/got db-1 twice/)
  })
})
