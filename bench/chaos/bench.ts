import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { createChaos } from '@quorate/chaos'
import { bench } from '../harness/index.ts'
import type { Reply, Request } from './far-end.ts'

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
const pipe = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
  const far = connect({ host: '127.0.0.1', port: target, noDelay: true, allowHalfOpen: true })
  near.on('error', () => far.destroy())
  far.on('error', () => near.destroy())
  near.pipe(far)
  far.pipe(near)
})
pipe.listen(0, '127.0.0.1')
await once(pipe, 'listening')

await using chaos = createChaos({ seed: 1 })
const options = { from: 'client', to: 'server', target: { port: target } }
const link = await chaos.link(options)
const late = await chaos.link({ ...options, baseline: { latency: { ms: 5 } } })

const plain = async (port: number): Promise<{ throughput: number; p50: number; p99: number }> => {
  const { seconds = Number.NaN } = await ask({ work: 'stream', port, amount: STREAM_BYTES })
  const { p50Us = Number.NaN, p99Us = Number.NaN } = await ask({
    work: 'round-trips',
    port,
    amount: ROUND_TRIPS,
  })
  return { throughput: STREAM_BYTES / 1e6 / seconds, p50: p50Us, p99: p99Us }
}
const delayed = async (port: number): Promise<{ p50: number; p99: number }> => {
  const { p50Us = Number.NaN, p99Us = Number.NaN } = await ask({ work: 'round-trips', port, amount: 100 })
  return { p50: p50Us / 1e3, p99: p99Us / 1e3 }
}

await bench({
  workload:
    'one connection over loopback between two other processes; stream of 256 MiB in 64 KiB writes, then 5,000 round trips of 64 bytes',
  groups: [
    {
      title: 'no fault',
      units: { throughput: 'MB/s', p50: 'µs', p99: 'µs' },
      cases: [
        { name: 'direct', round: () => plain(target) },
        { name: 'plain pipe', round: () => plain((pipe.address() as AddressInfo).port) },
        { name: 'chaos link', round: () => plain(link.port) },
      ],
    },
    {
      title: 'latency 5 ms each way',
      units: { p50: 'ms', p99: 'ms' },
      cases: [{ name: 'chaos link', round: () => delayed(late.port) }],
    },
  ],
  ratios: (value) => ({
    'link / direct, throughput':
      value('chaos link', 'throughput', 'no fault') / value('direct', 'throughput', 'no fault'),
    'link / plain pipe, throughput':
      value('chaos link', 'throughput', 'no fault') / value('plain pipe', 'throughput', 'no fault'),
    'link / direct, round trip p50':
      value('chaos link', 'p50', 'no fault') / value('direct', 'p50', 'no fault'),
    'link / plain pipe, round trip p50':
      value('chaos link', 'p50', 'no fault') / value('plain pipe', 'p50', 'no fault'),
    'round trip p50 / wanted 10 ms': value('chaos link', 'p50', 'latency 5 ms each way') / 10,
  }),
})
pipe.close()
client.kill()
server.kill()
