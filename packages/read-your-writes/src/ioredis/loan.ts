import { commandFailure } from './failures.ts'
import type { Connection } from './connection.ts'
import type { RedisClient, RedisCommand } from './port.ts'
import { parseReplication, type Replication } from './replication.ts'

/** A client lent to a callback: the same connection, with each command noted. */
export class Loan<Client extends RedisClient> {
  /** What the callback gets. */
  readonly client: Client
  /**
   * What went wrong with the server, if anything did. Noted here, since a pipeline puts errors into its
   * result and what the callback throws may be anything: `wrote` if a replica refused a write, `lost` if the
   * server or the way to it is gone.
   */
  failure: 'wrote' | 'lost' | undefined
  /** Commands that went out. */
  sent = 0
  /** Commands that were carried out. */
  done = 0
  readonly #connection: Connection<Client>
  readonly #follows: boolean
  #ended = false
  #isTransaction = false
  #isAsking = false
  #asked: { readonly after: number; readonly answer: Promise<Replication | undefined> } | undefined

  /**
   * @param follows asks, behind the commands, where the server stands. The question goes out with them, so its
   *   answer comes with theirs: nobody waits for another round trip, and a callback of several steps asks
   *   once per step.
   */
  constructor(connection: Connection<Client>, follows: boolean) {
    this.#connection = connection
    this.#follows = follows
    const lent = Object.create(connection.client) as {
      sendCommand: (command: RedisCommand, stream?: unknown) => unknown
      options: object
    }
    lent.sendCommand = (command, stream) => this.#send(command, stream)
    lent.options = connection.lentOptions
    this.client = lent as unknown as Client
  }

  /** The callback has ended; what it sends from now on is refused. */
  end(): void {
    this.#ended = true
    this.#connection.setTransaction(this, false)
  }

  /** Where the server stood after all commands; `undefined` if it did not say. */
  async replication(): Promise<Replication | undefined> {
    if (this.#asked === undefined || this.#asked.after < this.sent) this.#ask()
    return this.#asked?.answer
  }

  #send(command: RedisCommand, stream: unknown): unknown {
    if (this.#ended) {
      return refuse(
        command,
        new TypeError(
          'Cannot send a command: the callback has ended and its client is gone; await commands inside it',
        ),
      )
    }
    if (!this.#connection.isReady) {
      // The driver would keep it until there is a connection again, for a caller who has gone by then.
      this.failure ??= 'lost'
      return refuse(command, new Error('Cannot send a command: the connection is not ready'))
    }
    this.sent++
    const result = this.#connection.client.sendCommand(command, stream)
    const name = command.name.toLowerCase()
    if (name === 'multi') this.#setTransaction(true)
    else if (name === 'exec' || name === 'discard') this.#setTransaction(false)
    // What is in a transaction is only queued until EXEC.
    const does = !this.#isTransaction && name !== 'discard'
    command.promise.then(
      () => {
        if (does) this.done++
      },
      (error: unknown) => void (this.failure ??= commandFailure(error)),
    )
    if (this.#follows) this.#askSoon()
    return result
  }

  /** Behind all that is sent in this turn. */
  #askSoon(): void {
    if (this.#isAsking) return
    this.#isAsking = true
    queueMicrotask(() => {
      this.#isAsking = false
      if (!this.#isTransaction) this.#ask()
    })
  }

  #setTransaction(open: boolean): void {
    this.#isTransaction = open
    this.#connection.setTransaction(this, open)
  }

  #ask(): void {
    const { client, isReady } = this.#connection
    const answer = isReady
      ? client.info('replication').then(parseReplication, () => undefined)
      : Promise.resolve(undefined)
    this.#asked = { after: this.sent, answer }
  }
}

function refuse(command: RedisCommand, error: Error): Promise<unknown> {
  command.reject(error)
  return command.promise
}
