import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { createChaos } from '@quorate/chaos'
import { bench } from '../harness/index.ts'
import type { Reply, Request } from './far-end.ts'
import { roundTrips, serve, stream } from './work.ts'

const STREAM_BYTES = 256 * 1_048_576
const ROUND_TRIPS = 5_000

function start(role: 'server' | 'client'): ChildProcess {
  const child = fork(new URL('far-end.ts', import.meta.url), [role])
  process.once('exit', () => child.kill('SIGKILL'))
  return child
}

async function next(child: ChildProcess): Promise<Reply> {
  const [reply] = (await once(child, 'message')) as [Reply]
  return reply
}

const server = start('server')
const { port: target = 0 } = await next(server)
const client = start('client')
await next(client)

async function ask(request: Request): Promise<Reply> {
  const answer = next(client)
  client.send(request)
  return answer
}

/** The least a proxy can do in Node: two sockets and two pipes. */
async function plainPipe(port: number): Promise<Server> {
  const pipe = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
    near.pipe(far)
    far.pipe(near)
  })
  pipe.listen(0, '127.0.0.1')
  await once(pipe, 'listening')
  return pipe
}

const portOf = (one: Server): number => (one.address() as AddressInfo).port

await using chaos = createChaos({ seed: 1 })
const ends = { from: 'client', to: 'server' }
const near = await serve()
const nearPipe = await plainPipe(portOf(near))
const nearLink = await chaos.link({ ...ends, target: { port: portOf(near) } })
const farPipe = await plainPipe(target)
const farLink = await chaos.link({ ...ends, target: { port: target } })
const lateLink = await chaos.link({
  ...ends,
  target: { port: portOf(near) },
  baseline: { latency: { ms: 5 } },
})

const units = { throughput: 'MB/s', 'round trip p50': 'µs', 'round trip p99': 'µs' }
type Figures = Record<keyof typeof units, number>
const figures = (seconds: number, p50Us: number, p99Us: number): Figures => ({
  throughput: STREAM_BYTES / 1e6 / seconds,
  'round trip p50': p50Us,
  'round trip p99': p99Us,
})
const here = async (port: number): Promise<Figures> => {
  const { seconds } = await stream(port, STREAM_BYTES)
  const { p50Us, p99Us } = await roundTrips(port, ROUND_TRIPS)
  return figures(seconds, p50Us, p99Us)
}
const apart = async (port: number): Promise<Figures> => {
  const { seconds = Number.NaN } = await ask({ work: 'stream', port, amount: STREAM_BYTES })
  const { p50Us = 0, p99Us = 0 } = await ask({ work: 'round-trips', port, amount: ROUND_TRIPS })
  return figures(seconds, p50Us, p99Us)
}

const ONE = 'client, link and server in one process'
const THREE = 'three processes'
const LATE = 'latency 5 ms each way'

await bench({
  workload:
    'one connection over loopback; a stream of 256 MiB in writes of 64 KiB, then 5,000 round trips of 64 bytes',
  groups: [
    {
      title: ONE,
      units,
      cases: [
        { name: 'direct', round: () => here(portOf(near)) },
        { name: 'plain pipe', round: () => here(portOf(nearPipe)) },
        { name: 'chaos link', round: () => here(nearLink.port) },
      ],
    },
    {
      title: THREE,
      units,
      cases: [
        { name: 'direct', round: () => apart(target) },
        { name: 'plain pipe', round: () => apart(portOf(farPipe)) },
        { name: 'chaos link', round: () => apart(farLink.port) },
      ],
    },
    {
      title: LATE,
      units: { 'round trip p50': 'ms', 'round trip p99': 'ms' },
      cases: [
        {
          name: 'chaos link',
          round: async () => {
            const { p50Us, p99Us } = await roundTrips(lateLink.port, 100)
            return { 'round trip p50': p50Us / 1e3, 'round trip p99': p99Us / 1e3 }
          },
        },
      ],
    },
  ],
  ratios: (value) => {
    const link = (metric: string, other: string, group: string): number =>
      value('chaos link', metric, group) / value(other, metric, group)
    return {
      'throughput, link / plain pipe, one process': link('throughput', 'plain pipe', ONE),
      'throughput, link / direct, one process': link('throughput', 'direct', ONE),
      'round trip p50, link / plain pipe, one process': link('round trip p50', 'plain pipe', ONE),
      'round trip p50, link / direct, one process': link('round trip p50', 'direct', ONE),
      'throughput, link / plain pipe, three processes': link('throughput', 'plain pipe', THREE),
      'round trip p50, link / plain pipe, three processes': link('round trip p50', 'plain pipe', THREE),
      'round trip p50 with 5 ms each way / 10 ms': value('chaos link', 'round trip p50', LATE) / 10,
    }
  },
})
for (const one of [near, nearPipe, farPipe]) one.close()
client.kill()
server.kill()
