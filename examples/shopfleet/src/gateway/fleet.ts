import { instances, type Instances } from './instances.ts'
import { sessionCarrier, type SessionCarrier } from './sessions.ts'

export const SERVICES = ['catalog', 'inventory', 'cart', 'orders', 'payments', 'profiles'] as const
export type ServiceName = (typeof SERVICES)[number]

/** The services behind the gateway. */
export type Fleet = Readonly<Record<ServiceName, Instances>> & {
  readonly sessions: SessionCarrier
  close(): Promise<void>
}

export type FleetUrls = Readonly<Record<ServiceName, readonly string[]>>

export function fleet(urls: FleetUrls): Fleet {
  const services = Object.fromEntries(SERVICES.map((name) => [name, instances(name, urls[name])])) as Record<
    ServiceName,
    Instances
  >
  return {
    ...services,
    sessions: sessionCarrier(),
    async close() {
      await Promise.all(Object.values(services).flatMap(({ all }) => all.map((client) => client.close())))
    },
  }
}
