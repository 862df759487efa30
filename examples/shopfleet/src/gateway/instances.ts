import { rendezvous } from '@quorate/core'
import { serviceClient, type ServiceClient } from '../shared/http-client.ts'

/** The running copies of one service. */
export interface Instances {
  /** The copy this user belongs to: always the same one, on every gateway, as long as it is there. */
  for(user: string): ServiceClient
  readonly all: readonly ServiceClient[]
}

export function instances(service: string, urls: readonly string[]): Instances {
  const nodes = rendezvous(urls.map((url) => ({ id: url, client: serviceClient(service, url) })))
  const all = nodes.rank('').map(({ client }) => client)
  return {
    all,
    for(user) {
      const node = nodes.pick(user)
      if (node === undefined) throw new Error(`No copy of ${service} is configured`)
      return node.client
    },
  }
}
