import { outcomeOf } from '@quorate/core'
import type { Env, NodeId } from './env.ts'
import { CallFailedError, CallTimeoutError } from './errors.ts'
import { isBug } from './lanes.ts'

/** Options of {@link Rpc.call}. */
export interface CallOptions {
  /** Wait for the answer, ms. Default 1,000. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Questions and answers over the messages of a node. */
export interface Rpc {
  /**
   * Answers calls of `method`. Each call is done at most once in a life of this node, also if its message came twice.
   * What the handler throws, the caller gets as a {@link CallFailedError}; a TypeError, RangeError, ReferenceError or
   * SyntaxError is a bug and fails the run.
   */
  serve<Input, Output>(
    method: string,
    handler: (input: Input, from: NodeId) => Output | Promise<Output>,
  ): void
  /**
   * Asks once, and waits.
   *
   * @throws CallTimeoutError if no answer came: it may have happened, or may yet happen.
   * @throws CallFailedError if the other side threw.
   * @throws `signal.reason` if aborted; it may have happened as well.
   */
  call<Output>(to: NodeId, method: string, input?: unknown, options?: CallOptions): Promise<Output>
}

type Wire =
  | { readonly rpc: 'ask'; readonly id: string; readonly method: string; readonly input: unknown }
  | { readonly rpc: 'answer'; readonly id: string; readonly output: unknown }
  | {
      readonly rpc: 'error'
      readonly id: string
      readonly name: string
      readonly detail: string
      readonly outcome: 'not-applied' | 'unknown'
    }

type Handler = (input: never, from: NodeId) => unknown

/**
 * Makes a node a server, a client, or both. Takes the messages of the node: `env.onMessage` and `env.receive` are
 * then not for others.
 */
export function rpcOf(env: Env): Rpc {
  return new NodeRpc(env)
}

class NodeRpc implements Rpc {
  readonly #env: Env
  readonly #handlers = new Map<string, Handler>()
  readonly #waiting = new Map<string, (answer: Wire) => void>()
  readonly #seen = new Set<string>()
  #calls = 0

  constructor(env: Env) {
    this.#env = env
    env.onMessage((message: Wire, from) => this.#accept(message, from))
  }

  serve<Input, Output>(
    method: string,
    handler: (input: Input, from: NodeId) => Output | Promise<Output>,
  ): void {
    this.#handlers.set(method, handler)
  }

  async call<Output>(
    to: NodeId,
    method: string,
    input?: unknown,
    options: CallOptions = {},
  ): Promise<Output> {
    const { timeoutMs = 1_000, signal } = options
    signal?.throwIfAborted()
    // A node that has crashed must not take answers to questions of its former life.
    const id = `${this.#env.id}/${this.#env.restarts}/${this.#calls++}`
    let onAbort: (() => void) | undefined
    try {
      return await new Promise<Output>((resolve, reject) => {
        this.#waiting.set(id, (wire) => {
          if (wire.rpc === 'error') reject(new CallFailedError({ to, method, ...wire }))
          else resolve((wire as { readonly output: Output }).output)
        })
        onAbort = () => reject(signal?.reason)
        signal?.addEventListener('abort', onAbort, { once: true })
        this.#env.send(to, { rpc: 'ask', id, method, input } satisfies Wire)
        // Not called off by the answer: an event that does nothing costs less than a controller for each call.
        void this.#env
          .sleep(timeoutMs)
          .then(() => this.#waiting.has(id) && reject(new CallTimeoutError({ to, method, timeoutMs })))
      })
    } finally {
      this.#waiting.delete(id)
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort)
    }
  }

  #accept(message: Wire, from: NodeId): Promise<void> | undefined {
    if (message.rpc === 'ask') return this.#answer(message, from)
    this.#waiting.get(message.id)?.(message)
    return undefined
  }

  async #answer({ id, method, input }: Wire & { readonly rpc: 'ask' }, from: NodeId): Promise<void> {
    if (this.#seen.has(id)) return
    this.#seen.add(id)
    const handler = this.#handlers.get(method)
    const refuse = (error: unknown): void => {
      const { name, message: detail } =
        error instanceof Error ? error : { name: 'Error', message: String(error) }
      this.#env.send(from, { rpc: 'error', id, name, detail, outcome: outcomeOf(error) } satisfies Wire)
    }
    if (handler === undefined) {
      refuse(new TypeError(`${this.#env.id} serves no "${method}"`))
      return
    }
    try {
      const output = await handler(input as never, from)
      this.#env.send(from, { rpc: 'answer', id, output } satisfies Wire)
    } catch (error) {
      refuse(error)
      // Else every call would end as `unknown`, and the check would find nothing wrong.
      if (isBug(error)) throw error
    }
  }
}
