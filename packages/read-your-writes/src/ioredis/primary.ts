import { UnderWay } from '../under-way.ts'
import type { Connection } from './connection.ts'
import type { RedisClient } from './port.ts'
import type { RedisHistory } from './position.ts'

/** The primary as the router knows it. */
export class Primary<Client extends RedisClient> {
  readonly connection: Connection<Client>
  /** `replica`: its client leads to a server that takes no writes. */
  standing: 'unknown' | 'reachable' | 'unreachable' | 'replica' = 'unknown'
  /** That of the last primary that was seen. */
  history: RedisHistory | undefined
  /** What runs there. */
  readonly running: UnderWay = new UnderWay()

  constructor(connection: Connection<Client>) {
    this.connection = connection
  }

  /** Does it make sense to send something? */
  get isOpen(): boolean {
    return this.connection.isReady && (this.standing === 'reachable' || this.standing === 'unknown')
  }
}
