// The server or the client of the chaos bench as a process of its own, so that what is between them is all
// that the measuring process does.
import type { AddressInfo } from 'node:net'
import { roundTrips, serve, stream } from './work.ts'

export type Request = {
  readonly work: 'stream' | 'round-trips'
  readonly port: number
  readonly amount: number
}
export type Reply = {
  readonly port?: number
  readonly seconds?: number
  readonly p50Us?: number
  readonly p99Us?: number
}

const reply = (message: Reply): void => void process.send?.(message)

if (process.argv[2] === 'server') {
  const server = await serve()
  reply({ port: (server.address() as AddressInfo).port })
} else {
  process.on('message', ({ work, port, amount }: Request) => {
    const done = work === 'stream' ? stream(port, amount) : roundTrips(port, amount)
    done.then(reply, (error: unknown) => {
      throw error
    })
  })
  reply({})
}
