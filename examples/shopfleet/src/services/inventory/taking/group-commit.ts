import { unavailable } from '../../../shared/problem.ts'

export interface GroupCommitOptions<Request> {
  /** Work in one batch, by `weigh`; a request that is heavier goes alone. */
  readonly maxWeight: number
  readonly weigh: (request: Request) => number
  /** Requests that wait; the next one is refused. */
  readonly maxWaiting: number
  /** An error that one request may have brought upon the others: nothing was done, and the batch is halved until it is found. */
  readonly isOfOne: (error: unknown) => boolean
}

export interface GroupCommit<Request, Answer> extends AsyncDisposable {
  /** @throws Problem 503 if too many wait or it is stopped; what `apply` throws. */
  ask(request: Request): Promise<Answer>
  /** Takes no more, and lets those it has be answered. */
  [Symbol.asyncDispose](): Promise<void>
}

interface Waiting<Request, Answer> {
  readonly request: Request
  readonly resolve: (answer: Answer) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Who asks while a batch is under way waits for the next one, which takes them all, in the order they came: alone, a
 * request waits for nobody; the more there are, the more share one commit. There is no timer.
 *
 * @param apply answers each request, in order.
 */
export function groupCommit<Request, Answer>(
  apply: (requests: readonly Request[]) => Promise<readonly Answer[]>,
  { maxWeight, weigh, maxWaiting, isOfOne }: GroupCommitOptions<Request>,
): GroupCommit<Request, Answer> {
  const queue: Waiting<Request, Answer>[] = []
  let working: Promise<void> | undefined
  let isStopped = false

  function next(): Waiting<Request, Answer>[] {
    let weight = 0
    const end = queue.findIndex(({ request }, index) => {
      weight += weigh(request)
      return index > 0 && weight > maxWeight
    })
    return queue.splice(0, end === -1 ? queue.length : end)
  }

  async function answer(batch: readonly Waiting<Request, Answer>[]): Promise<void> {
    try {
      const answers = await apply(batch.map(({ request }) => request))
      batch.forEach(({ resolve, reject }, index) => {
        const own = answers[index]
        if (own === undefined) reject(new Error('A batch left a request without an answer'))
        else resolve(own)
      })
    } catch (error) {
      if (batch.length > 1 && isOfOne(error)) {
        const middle = Math.ceil(batch.length / 2)
        await answer(batch.slice(0, middle))
        await answer(batch.slice(middle))
      } else {
        for (const { reject } of batch) reject(error)
      }
    }
  }

  async function work(): Promise<void> {
    // All requests of one turn of the event loop go together.
    await Promise.resolve()
    while (queue.length > 0) await answer(next())
    working = undefined
  }

  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        if (isStopped || queue.length >= maxWaiting) {
          reject(unavailable('The queue for this product', undefined))
          return
        }
        queue.push({ request, resolve, reject })
        working ??= work()
      }),
    async [Symbol.asyncDispose]() {
      isStopped = true
      await working
    },
  }
}
