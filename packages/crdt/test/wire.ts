import type { Channel } from '../src/sync/index.ts'
import { decodeMessage, type Message } from '../src/sync/message.ts'

/** A wire with what went over it. A message arrives in a later turn, as over any real one. */
export class Wire {
  readonly sent: Array<{ readonly by: 'a' | 'b'; readonly message: Message; readonly bytes: Uint8Array }> = []
  /** Decides what becomes of the message that is sent next: how often it arrives. */
  copies: (message: Message) => number = () => 1
  readonly a: Channel
  readonly b: Channel
  #inTransit = 0
  readonly #listeners = new Map<'a' | 'b', (bytes: Uint8Array) => void>()

  constructor() {
    this.a = this.#end('a', 'b')
    this.b = this.#end('b', 'a')
  }

  /** Nothing is on its way any more. */
  async settled(): Promise<void> {
    do await new Promise(setImmediate)
    while (this.#inTransit > 0)
  }

  kinds(): string[] {
    return this.sent.map(({ by, message }) => `${by}: ${message.kind}`)
  }

  #end(by: 'a' | 'b', to: 'a' | 'b'): Channel {
    return {
      send: (bytes) => {
        const message = decodeMessage(bytes) as Message
        this.sent.push({ by, message, bytes })
        for (let left = this.copies(message); left > 0; left--) {
          this.#inTransit++
          setImmediate(() => {
            this.#inTransit--
            this.#listeners.get(to)?.(bytes)
          })
        }
      },
      onMessage: (listener) => this.#listeners.set(by, listener),
    }
  }
}

/** Time that stands still until it is told to go on. */
export class Ticks {
  #waiting: Array<() => void> = []

  readonly clock = {
    sleep: (_ms: number, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> =>
      new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve)
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      }),
  }

  get count(): number {
    return this.#waiting.length
  }

  tick(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
