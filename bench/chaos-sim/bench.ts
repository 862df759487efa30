// The simulator: how many seeds of a replicated register a minute, and how long until it finds a planted bug.
import { pathToFileURL } from 'node:url'
import type * as sim from '@quorate/chaos/sim'
import { type AbdBugs, abdScenario, type AbdSize } from '../../packages/chaos/src/sim/examples/abd.ts'
import { bench, type Case, type Sample } from '../harness/index.ts'

type Simulator = typeof sim
const SEEDS = 4_000
const STARTS = 4

const url = pathToFileURL(new URL(import.meta.resolve('@quorate/chaos/sim')).pathname).href
const byTicks = (await import(url)) as Simulator
/** As in a browser: without `process`, each event is drained by a turn of the event loop. */
const byTurns = await withoutProcess(() => import(`${url}?turns`) as Promise<Simulator>)

async function withoutProcess<T>(load: () => Promise<T>): Promise<T> {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'process') as PropertyDescriptor
  Object.defineProperty(globalThis, 'process', { value: undefined, configurable: true })
  try {
    return await load()
  } finally {
    Object.defineProperty(globalThis, 'process', before)
  }
}

const totals = { seeds: 0, events: 0, messages: 0, operations: 0, faults: 0 }

function speed(name: string, simulator: Simulator, size: AbdSize): Case {
  const scenario = abdScenario('abd', {}, size)
  const round = async (count: number): Promise<Sample> => {
    const start = process.cpuUsage()
    const done = await simulator.explore(scenario, { seeds: SEEDS, firstSeed: count * SEEDS })
    // Time of the processor, garbage collection included, so that a busy machine does not count.
    const { user, system } = process.cpuUsage(start)
    const minutes = (user + system) / 60e6
    if (done.failure !== undefined) throw new Error(`A correct register failed: ${done.failure.message}`)
    if (name === TICKS)
      for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += done[key]
    return { seeds: SEEDS / minutes, 'per event': (minutes * 60e6) / done.events }
  }
  return { name, round }
}

function search(name: string, bugs: AbdBugs, size: AbdSize = {}): Case {
  const scenario = abdScenario('planted', bugs, size)
  const round = async (count: number): Promise<Sample> => {
    const sums = { seeds: 0, ms: 0, operations: 0, faults: 0 }
    for (let start = 0; start < STARTS; start++) {
      const begun = process.hrtime.bigint()
      const firstSeed = (count * STARTS + start) * 100_000
      const { seeds, failure } = await byTicks.explore(scenario, { seeds: 100_000, firstSeed })
      if (failure?.kind !== 'check') throw new Error(`${name} was not found`)
      sums.ms += Number(process.hrtime.bigint() - begun) / 1e6
      sums.seeds += seeds
      sums.operations += failure.run.stats.operations
      sums.faults += failure.run.stats.faults
    }
    return {
      'seeds until found': sums.seeds / STARTS,
      'found and shrunk': sums.ms / STARTS,
      'operations left': sums.operations / STARTS,
      'faults left': sums.faults / STARTS,
    }
  }
  return { name, round }
}

const TICKS = 'drained by ticks'
const TURNS = 'drained by turns'
const SPEED = 'three-replica ABD register'
const SEARCH = `planted bugs, mean of ${STARTS} searches from different seeds`

await bench({
  workload:
    `${SPEED}, one thread: 12 operations of 3 clients, 0 to 6 faults of all kinds, append and fsync before each ` +
    `acknowledgement, every history checked for linearizability; ${SEEDS} seeds a round`,
  groups: [
    {
      title: SPEED,
      units: { seeds: 'per min of one core', 'per event': 'µs' },
      cases: [speed(TICKS, byTicks, {}), speed(TURNS, byTurns, {})],
    },
    {
      title: SEARCH,
      units: {
        'seeds until found': 'seeds',
        'found and shrunk': 'ms',
        'operations left': 'operations',
        'faults left': 'faults',
      },
      cases: [
        search('read without write-back', { noWriteBack: true }),
        search('acknowledged before fsync', { ackBeforeFsync: true }),
        search('two of four for a quorum', { halfQuorum: true }, { replicas: 4 }),
        search('equal stamps without the id', { tiesWithoutId: true }),
        search('stamps of a skewed clock', { clockStamps: true }),
      ],
    },
  ],
  ratios: (value) => ({
    'seeds, ticks / turns': value(TICKS, 'seeds', SPEED) / value(TURNS, 'seeds', SPEED),
    'events a seed': totals.events / totals.seeds,
    'messages a seed': totals.messages / totals.seeds,
    'operations a seed': totals.operations / totals.seeds,
    'faults a seed': totals.faults / totals.seeds,
  }),
})
