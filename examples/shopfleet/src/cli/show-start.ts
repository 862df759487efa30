import type { ClusterEvent } from '@quorate/local-cluster'
import type { Screen } from './screen.ts'

/** What `startShop` reports while it comes up. */
export type StartEvent =
  | ClusterEvent
  | {
      readonly type: 'service-ready'
      readonly service: string
      readonly started: number
      readonly total: number
    }

/** Shows a start as it happens: what is made or fetched, then servers and services as they become ready. */
export function showStart(screen: Screen): (event: StartEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'preparing':
        screen.print(`  ${event.detail} …`)
        break
      case 'server-ready':
        screen.progress('databases', event.started, event.total)
        break
      case 'service-ready':
        screen.progress('services ', event.started, event.total)
        break
      case 'server-exited':
        screen.print(`  ${event.server} ended by itself (${event.exitSignal ?? event.exitCode ?? 'unknown'})`)
        break
      default:
    }
  }
}
