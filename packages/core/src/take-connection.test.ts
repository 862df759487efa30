import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { takeConnection } from './take-connection.ts'

class Client extends EventEmitter {}
type Taken = (error: unknown, client?: Client) => void

test('takeConnection() hears the error of a connection that ends in the call that hands it out', async () => {
  const client = new Client()
  const gone = new Error('terminating connection')
  const pool = {
    // As `pg` does, which then returns nothing: without a listener the second line throws.
    connect(taken?: Taken): Promise<Client> {
      taken?.(undefined, client)
      client.emit('error', gone)
      return undefined as never
    },
  }
  const heard: Error[] = []
  await expect(takeConnection(pool, (error) => heard.push(error))).resolves.toBe(client)
  expect(heard).toEqual([gone])
})

test('takeConnection() takes a pool that knows only promises, and says what the pool says', async () => {
  const client = new Client()
  const listener = (): void => {}
  await expect(takeConnection({ connect: async () => client }, listener)).resolves.toBe(client)
  expect(client.listeners('error')).toEqual([listener])
  const full = new Error('no room')
  await expect(takeConnection({ connect: () => Promise.reject(full) }, listener)).rejects.toBe(full)
  const callback = (taken?: Taken): Promise<Client> => (taken?.(full), undefined as never)
  await expect(takeConnection({ connect: callback }, listener)).rejects.toBe(full)
})
