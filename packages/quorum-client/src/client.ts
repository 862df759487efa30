import { checkNames, type Clock, emit, type EventListener } from '@quorate/core'
import { type Deadline, startDeadline } from './deadline.ts'
import { QuorumStoppedError, QuorumUnavailableError, type ReplicaFailure } from './errors.ts'
import type { QuorumEvent } from './events.ts'
import { fanOut } from './fan-out.ts'
import { levelCount } from './level.ts'
import type { Members } from './members.ts'
import { type KeyState, ReadRound } from './read-round.ts'
import { repair } from './repair.ts'
import type { QuorumReadReplica, Tag, TaggedRecord } from './replica.ts'
import { isWrittenTag, type Tagger } from './tags.ts'
import type {
  Consistency,
  QuorumReader,
  ReadOptions,
  ReadResult,
  WriteOptions,
  WriteResult,
} from './types.ts'
import { put } from './write-round.ts'

const MAX_KEYS = 10_000
const READ_OPTIONS: readonly (keyof ReadOptions)[] = ['consistency', 'signal', 'deadlineMs']
const WRITE_OPTIONS: readonly (keyof WriteOptions)[] = [...READ_OPTIONS, 'tag']

/** What a client is made of. */
export interface Context<V, T extends Tag> {
  readonly members: Members<V, T>
  readonly r: number
  /** `undefined` for a client that only reads. */
  readonly w: number | undefined
  readonly deadlineMs: number
  readonly repairs: boolean
  readonly clock: Clock
  readonly tagger: Tagger
  readonly onEvent: EventListener<QuorumEvent> | undefined
}

/** The driver of the rounds: starts them, waits for them, and owns what is left over. */
export class QuorumClient<V, T extends Tag> implements QuorumReader<V, T> {
  readonly #context: Context<V, T>
  readonly #running = new Set<Promise<unknown>>()
  #stopped = false

  constructor(context: Context<V, T>) {
    this.#context = context
  }

  get n(): number {
    return this.#context.members.n
  }

  get r(): number {
    return this.#context.r
  }

  get w(): number | undefined {
    return this.#context.w
  }

  async read(key: string, options: ReadOptions = {}): Promise<ReadResult<V, T>> {
    const results = await this.readMany([key], options)
    return results.get(key) as ReadResult<V, T>
  }

  async readMany(
    keys: Iterable<string>,
    options: ReadOptions = {},
  ): Promise<ReadonlyMap<string, ReadResult<V, T>>> {
    checkNames('read', options, READ_OPTIONS)
    const list = [...new Set(keys)]
    list.forEach(checkKey)
    if (list.length > MAX_KEYS)
      throw new RangeError(`Cannot read ${list.length} keys at once; at most ${MAX_KEYS}`)
    const linearizable = this.#isLinearizable(options.consistency)
    const r = this.#count('r', options.consistency, this.r)
    using deadline = this.#start(options)
    // Awaited here: the deadline must not be disposed before.
    return await this.#track(this.#read(list, r, linearizable, deadline, options.signal))
  }

  async write(key: string, value: V, options: WriteOptions = {}): Promise<WriteResult> {
    checkKey(key)
    if (this.w === undefined) throw new TypeError('Cannot write: the quorum was made without w')
    checkNames('write', options, WRITE_OPTIONS)
    if (options.tag !== undefined && !isWrittenTag(options.tag)) {
      throw new TypeError(
        `Cannot write with tag ${JSON.stringify(options.tag)}: it is not the tag of a write`,
      )
    }
    checkJson(value)
    const linearizable = this.#isLinearizable(options.consistency)
    const w = this.#count('w', options.consistency, this.w)
    const deadline = this.#start(options)
    // Awaited by stop() as a whole: between its two rounds nothing else of a write is under way.
    return this.#track(this.#write(key, value, options, linearizable, w, deadline))
  }

  async #write(
    key: string,
    value: V,
    options: WriteOptions,
    linearizable: boolean,
    w: number,
    deadline: Deadline,
  ): Promise<WriteResult> {
    let tag: string
    try {
      tag = options.tag ?? (await this.#newTag(key, linearizable, deadline, options.signal))
    } catch (error) {
      deadline[Symbol.dispose]()
      throw error
    }
    const record = { value, tag: tag as T }
    const { result, rest } = put({ context: this.#context, key, record, w, deadline, signal: options.signal })
    void this.#track(rest.finally(() => deadline[Symbol.dispose]()))
    return result
  }

  async stop(): Promise<void> {
    this.#stopped = true
    // Again, because a write that has returned goes on to the replicas beyond W.
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #read(
    keys: readonly string[],
    r: number,
    linearizable: boolean,
    { signal }: Deadline,
    callerSignal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, ReadResult<V, T>>> {
    const states = await this.#collect(keys, r, signal, callerSignal)
    for (const { newest } of states) if (newest !== undefined) this.#context.tagger.saw(newest.tag)
    const needed = linearizable ? this.n - r + 1 : undefined
    const repaired =
      needed === undefined && !this.#context.repairs
        ? undefined
        : await repair({ context: this.#context, states, needed, signal })
    callerSignal?.throwIfAborted()
    return new Map(
      states.map(({ key, newest, answers }) => [
        key,
        {
          value: newest?.value,
          tag: newest?.tag,
          responses: answers.map(({ replica, record }) => ({ replica: replica.id, tag: record?.tag })),
          repaired: repaired?.get(key) ?? [],
        },
      ]),
    )
  }

  /** Waits for R answers to each key. */
  async #collect(
    keys: readonly string[],
    r: number,
    signal: AbortSignal,
    callerSignal: AbortSignal | undefined,
  ): Promise<readonly KeyState<V, T>[]> {
    const { members, onEvent } = this.#context
    const round = new ReadRound<V, T>(keys, this.n, r)
    const plan = members.keysBy(keys)
    const failures: ReplicaFailure[] = []
    const responses: string[] = []
    await fanOut({
      targets: keys.length === 0 ? [] : [...plan.keys()],
      call: (replica) => members.call(replica, () => fetchMany(replica, plan.get(replica) ?? [], signal)),
      onAnswer: (replica, records) => {
        responses.push(replica.id)
        round.answered(replica, plan.get(replica) ?? [], records)
      },
      onFailure: (replica, error) => {
        failures.push({ replica: replica.id, error })
        round.failed(plan.get(replica) ?? [])
        emit<QuorumEvent>(onEvent, () => ({
          type: 'replica-failed',
          replica: replica.id,
          operation: 'read',
          error,
        }))
      },
      isOver: () => round.state !== 'collecting',
      signal,
    })
    if (round.state === 'complete') return round.keys
    callerSignal?.throwIfAborted()
    const cause: unknown = signal.aborted ? signal.reason : undefined
    throw new QuorumUnavailableError('read', { keys, needed: r, responses, failures, cause })
  }

  /** A linearizable write is greater than every finished one: it asks R replicas first (ABD's query phase). */
  async #newTag(
    key: string,
    linearizable: boolean,
    deadline: Deadline,
    callerSignal: AbortSignal | undefined,
  ): Promise<string> {
    if (!linearizable) return this.#context.tagger.next()
    const [state] = await this.#collect([key], this.r, deadline.signal, callerSignal)
    return this.#context.tagger.next(state?.newest?.tag)
  }

  #start({ signal, deadlineMs = this.#context.deadlineMs }: ReadOptions): Deadline {
    if (this.#stopped) throw new QuorumStoppedError()
    if (!(deadlineMs > 0)) throw new RangeError(`deadlineMs must be above 0, got ${deadlineMs}`)
    signal?.throwIfAborted()
    return startDeadline(this.#context.clock, deadlineMs, signal)
  }

  #isLinearizable(consistency: Consistency | undefined): boolean {
    if (consistency !== 'linearizable') return false
    const { n, r, w } = this
    if (w !== undefined && w + r > n) return true
    throw new RangeError(
      w === undefined
        ? 'Cannot be linearizable: the quorum was made without w, so a read cannot write back'
        : `Cannot be linearizable: W + R must be above N, got ${w} + ${r} of ${n}`,
    )
  }

  #count(name: 'r' | 'w', consistency: Consistency | undefined, usual: number): number {
    if (consistency === undefined || consistency === 'linearizable') return usual
    return levelCount('consistency', consistency, this.n, ", 'linearizable'")
  }

  async #track<A>(work: Promise<A>): Promise<A> {
    this.#running.add(work)
    try {
      return await work
    } finally {
      this.#running.delete(work)
    }
  }
}

async function fetchMany<V, T extends Tag>(
  replica: QuorumReadReplica<V, T>,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, TaggedRecord<V, T>>> {
  if (keys.length > 1 && replica.getMany !== undefined) {
    const many: unknown = await replica.getMany(keys, { signal })
    if (many instanceof Map) return many as ReadonlyMap<string, TaggedRecord<V, T>>
    throw new TypeError(`Cannot use the answer of replica ${replica.id}: getMany() must resolve to a Map`)
  }
  const records = await Promise.all(
    keys.map(async (key) => [key, await replica.get(key, { signal })] as const),
  )
  return new Map(records.filter((entry): entry is [string, TaggedRecord<V, T>] => entry[1] !== undefined))
}

function checkKey(key: string): void {
  if (typeof key !== 'string' || key === '')
    throw new TypeError(`key must be a non-empty string, got ${JSON.stringify(key)}`)
}

/** Before anything is sent: adapters that failed to store it would leave the write indeterminate. */
function checkJson(value: unknown): void {
  let cause: unknown
  try {
    if (JSON.stringify(value) !== undefined) return
  } catch (error) {
    cause = error
  }
  throw new TypeError('Cannot write a value without a JSON form; write null for nothing', { cause })
}
