import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** What a replay is about, written before it begins: a resumed one must be about the same. */
const header = z.object({
  version: z.literal(1),
  orders: z.string(),
  sha256: z.string(),
  times: z.int().min(1),
  concurrency: z.int().min(1),
})
export type JournalHeader = z.infer<typeof header>

export const jobResult = z.object({
  id: z.string(),
  outcome: z.enum(['accepted', 'outOfStock', 'declined', 'refunded', 'nothingToRefund']),
  /** Units of money the outcome moved, for the closing report. */
  amountCents: z.int(),
  /** How often it was ordered, if the shop was unavailable at first. */
  attempts: z.int().min(2).optional(),
})
export type JobResult = z.infer<typeof jobResult>
export type JobOutcome = JobResult['outcome']

const entry = z.discriminatedUnion('type', [
  z.object({ type: z.literal('loaded') }),
  z.object({ type: z.literal('job'), result: jobResult }),
  /** Time spent, so that a resumed replay can say how long all of it took. */
  z.object({ type: z.literal('elapsed'), ms: z.number() }),
])

/**
 * The replay's own memory, an append-only file beside the databases. It is written after the shop has
 * answered, so after a crash it may lack jobs that are done, never the reverse; those are asked for again
 * by their ids.
 */
export class Journal {
  readonly header: JournalHeader
  readonly #file: string
  readonly #results = new Map<string, JobResult>()
  #loaded = false
  #elapsedMs = 0

  private constructor(directory: string, journalHeader: JournalHeader) {
    this.header = journalHeader
    this.#file = join(directory, 'journal.ndjson')
  }

  static create(directory: string, journalHeader: JournalHeader): Journal {
    mkdirSync(directory, { recursive: true })
    const file = join(directory, 'replay.json')
    writeFileSync(`${file}.new`, JSON.stringify(journalHeader))
    renameSync(`${file}.new`, file)
    return new Journal(directory, journalHeader)
  }

  /** @returns `undefined` when no replay was begun in this directory. */
  static open(directory: string): Journal | undefined {
    const file = join(directory, 'replay.json')
    if (!existsSync(file)) return undefined
    const journal = new Journal(directory, header.parse(JSON.parse(readFileSync(file, 'utf8'))))
    if (!existsSync(journal.#file)) return journal
    const text = readFileSync(journal.#file, 'utf8')
    const complete = text.slice(0, text.lastIndexOf('\n') + 1)
    for (const line of complete.split('\n')) {
      if (line !== '') journal.#apply(entry.parse(JSON.parse(line)))
    }
    // A last line that the crash cut off is dropped, or the next append would be glued to it.
    if (complete !== text) writeFileSync(journal.#file, complete)
    return journal
  }

  get loaded(): boolean {
    return this.#loaded
  }

  get elapsedMs(): number {
    return this.#elapsedMs
  }

  get results(): readonly JobResult[] {
    return [...this.#results.values()]
  }

  has(id: string): boolean {
    return this.#results.has(id)
  }

  /** How many orders the shop has of this sale: all but the last were undone. */
  attempts(id: string): number {
    return this.#results.get(id)?.attempts ?? 1
  }

  append(what: z.infer<typeof entry>): void {
    this.#apply(what)
    appendFileSync(this.#file, `${JSON.stringify(what)}\n`)
  }

  #apply(what: z.infer<typeof entry>): void {
    switch (what.type) {
      case 'loaded':
        this.#loaded = true
        break
      case 'job':
        this.#results.set(what.result.id, what.result)
        break
      case 'elapsed':
        this.#elapsedMs += what.ms
        break
      default:
        what satisfies never
    }
  }
}
