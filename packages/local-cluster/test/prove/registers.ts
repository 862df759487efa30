import { systemClock } from '@quorate/core'

/** Which server an operation goes to. */
export type Place = 'primary' | 'replica'

/** Registers with numbers, as one client sees them. It does one thing at a time. */
export interface Registers {
  /** @throws NotSentError if it cannot have happened; anything else leaves that open. */
  write(key: string, value: number): Promise<void>
  /** `null` before the first write. */
  read(place: Place, key: string): Promise<number | null>
  close(): void
}

/** Makes the registers of a server and its replica; called once. */
export type MakeRegisters = (ports: Readonly<Record<Place, number>>, deadlineMs: number) => Registers

/** The server never got to see it. */
export class NotSentError extends Error {
  readonly outcome = 'not-applied'
}

/** A connection that is made when it is needed, thrown away at the first error, and never waited for too long. */
export class Line<C> {
  readonly #open: () => Promise<C>
  readonly #destroy: (connection: C) => void
  readonly #deadlineMs: number
  #connection: C | undefined

  constructor(options: { open: () => Promise<C>; destroy: (connection: C) => void; deadlineMs: number }) {
    this.#open = options.open
    this.#destroy = options.destroy
    this.#deadlineMs = options.deadlineMs
  }

  async use<T>(work: (connection: C) => Promise<T>): Promise<T> {
    const deadline = new AbortController()
    const late = systemClock.sleep(this.#deadlineMs, { signal: deadline.signal }).then(() => {
      throw new Error(`no answer in ${this.#deadlineMs} ms`)
    })
    late.catch(() => {})
    try {
      return await Promise.race([late, this.#through(work, late)])
    } catch (error) {
      this.close()
      throw error
    } finally {
      deadline.abort()
    }
  }

  close(): void {
    if (this.#connection !== undefined) this.#destroy(this.#connection)
    this.#connection = undefined
  }

  async #through<T>(work: (connection: C) => Promise<T>, late: Promise<never>): Promise<T> {
    this.#connection ??= await this.#connected(late)
    return work(this.#connection)
  }

  async #connected(late: Promise<never>): Promise<C> {
    const opening = this.#open()
    try {
      return await Promise.race([opening, late])
    } catch (cause) {
      opening.then((connection) => this.#destroy(connection)).catch(() => {})
      throw new NotSentError('not connected', { cause })
    }
  }
}
