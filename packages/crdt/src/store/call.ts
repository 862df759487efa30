import type { AnyCrdt } from '../store.ts'

/** One call that waits for a document. */
export interface Call<C extends AnyCrdt> {
  readonly kind: 'load' | 'edit' | 'merge' | 'delete'
  /** Edits the copy of the store. */
  readonly run: (copy: C) => unknown
  readonly rewrite: boolean
  /** What a merge takes in. */
  readonly source: Uint8Array | undefined
  /** What `run` returned. */
  result: unknown
  /** A merge that brought something new, and is done once more to make sure that it is there. */
  wasNew: boolean
  /** Bytes that hold it, once they are sent: from then on its outcome is unknown until the answer. */
  sent: Uint8Array | undefined
  readonly isOpen: boolean
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** A call and the promise of its caller, who may give up at any time. */
export function openCall<C extends AnyCrdt>(
  facts: Pick<Call<C>, 'kind' | 'run' | 'rewrite' | 'source'>,
  signal: AbortSignal | undefined,
  onAbort: (call: Call<C>, reason: unknown) => unknown,
): { call: Call<C>; promise: Promise<unknown> } {
  let settle: { resolve: (value: unknown) => void; reject: (error: unknown) => void } | undefined
  const promise = new Promise<unknown>((resolve, reject) => {
    settle = { resolve, reject }
  })
  const close = (): typeof settle => {
    const open = settle
    settle = undefined
    signal?.removeEventListener('abort', abort)
    return open
  }
  const call: Call<C> = {
    ...facts,
    result: undefined,
    wasNew: false,
    sent: undefined,
    get isOpen() {
      return settle !== undefined
    },
    resolve: (value) => close()?.resolve(value),
    reject: (error) => close()?.reject(error),
  }
  const abort = (): void => call.reject(onAbort(call, signal?.reason))
  if (signal?.aborted === true) abort()
  else signal?.addEventListener('abort', abort, { once: true })
  return { call, promise }
}
