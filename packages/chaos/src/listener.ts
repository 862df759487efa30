import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { LinkListenError } from './errors.ts'
import { holdPort, type HeldPort } from './held-port.ts'

/** What a port does: it takes connections, refuses them while staying ours, or is given up. */
export type PortState = 'listening' | 'refusing' | 'closed'

/** One port for life, whose state can change at any time; changes run one after another. */
export class Listener {
  readonly #host: string
  readonly #accept: (client: Socket) => void
  readonly #wanted: () => PortState
  #port: number
  /** The port was ours once, so its number is known. */
  #opened = false
  #server: Server | undefined
  #held: HeldPort | undefined
  #last: Promise<void> = Promise.resolve()

  /**
   * @param port 0 for a free one.
   * @param wanted asked whenever the state is brought in line.
   */
  constructor(options: {
    readonly host: string
    readonly port: number
    readonly accept: (client: Socket) => void
    readonly wanted: () => PortState
  }) {
    this.#host = options.host
    this.#port = options.port
    this.#accept = options.accept
    this.#wanted = options.wanted
  }

  get port(): number {
    return this.#port
  }

  /**
   * Brings the port in line with what is wanted when its turn comes. The first time it is opened, which
   * may find that it is taken.
   *
   * @throws LinkListenError if the port cannot be had.
   */
  apply(): Promise<void> {
    const next = this.#last.then(() => this.#apply())
    this.#last = next.catch(() => {})
    return next
  }

  async #apply(): Promise<void> {
    if (this.#wanted() === 'closed') {
      this.#stop()
      this.#release()
      return
    }
    // A port that shall refuse is opened first as well: so it gets its number.
    const mustOpen = !this.#opened || this.#wanted() === 'listening'
    if (mustOpen && this.#server === undefined) await this.#listen()
    const wanted = this.#wanted()
    if (wanted === 'closed') this.#stop()
    else if (wanted === 'refusing' && this.#server !== undefined) {
      this.#held = await holdPort(this.#host, this.#port, () => this.#stop())
    }
  }

  #stop(): void {
    this.#server?.close()
    this.#server = undefined
  }

  #release(): void {
    this.#held?.release()
    this.#held = undefined
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true }, this.#accept)
      const fail = (cause: unknown): void => {
        reject(new LinkListenError({ host: this.#host, port: this.#port, cause }))
      }
      server.once('error', fail)
      this.#release()
      server.listen({ host: this.#host, port: this.#port, backlog: 1_024 }, () => {
        server.off('error', fail)
        server.on('error', () => {}) // a failed accept concerns one client, which sees it itself
        this.#server = server
        this.#port = (server.address() as AddressInfo).port
        this.#opened = true
        resolve()
      })
    })
  }
}
