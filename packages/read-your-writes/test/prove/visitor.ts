import { Agent, request } from 'node:http'
import type { RecordedHistory } from '@quorate/checker'

/** What came back. */
interface Answer {
  readonly status: number
  readonly body: string
}

/**
 * One visitor with a browser: does one thing after the other, keeps the cookie, and writes down what it was told.
 * Only it writes its own note, and each time a greater number.
 */
export class Visitor {
  readonly id: string
  readonly #port: number
  readonly #history: RecordedHistory
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #newestSeen = new Map<string, number>()
  #cookie: string | undefined
  #next = 0
  #acknowledged = 0
  /** Own reads that missed an own write; any reads that were older than an earlier one. */
  readonly counts = { stale: 0, backward: 0, failed: 0 }

  constructor(id: string, port: number, history: RecordedHistory) {
    this.id = id
    this.#port = port
    this.#history = history
  }

  /** Writes, then reads it back. @returns whether both were answered. */
  async pair(): Promise<boolean> {
    const n = ++this.#next
    const call = this.#history.start({ process: this.id, op: 'write', key: this.id, input: n })
    const answer = await this.#send('PUT', `/note/${this.id}/${n}`).catch(() => undefined)
    if (answer?.status === 204) {
      call.ok()
      this.#acknowledged = n
    } else {
      this.counts.failed++
      if (answer?.body.includes('not-applied') === true) call.fail()
      else call.unknown()
    }
    const seen = await this.read(this.id)
    if (seen === undefined) return false
    if ((seen ?? 0) < this.#acknowledged) this.counts.stale++
    return answer?.status === 204
  }

  /** @returns `undefined` if there was no answer. */
  async read(id: string): Promise<number | null | undefined> {
    const call = this.#history.start({ process: this.id, op: 'read', key: id })
    const answer = await this.#send('GET', `/note/${id}`).catch(() => undefined)
    if (answer?.status !== 200) {
      this.counts.failed++
      call.fail() // a read without an answer has done nothing
      return undefined
    }
    const seen = JSON.parse(answer.body) as number | null
    call.ok(seen)
    const newest = this.#newestSeen.get(id) ?? 0
    if ((seen ?? 0) < newest) this.counts.backward++
    this.#newestSeen.set(id, Math.max(newest, seen ?? 0))
    return seen
  }

  close(): void {
    this.#agent.destroy()
  }

  #send(method: string, path: string): Promise<Answer> {
    const headers: Record<string, string> = { 'x-visitor': this.id }
    if (this.#cookie !== undefined) headers['cookie'] = this.#cookie
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { agent: this.#agent, host: '127.0.0.1', port: this.#port, method, path, headers, timeout: 10_000 },
        (incoming) => {
          const [cookie] = incoming.headers['set-cookie'] ?? []
          if (cookie !== undefined) this.#cookie = cookie.split(';')[0]
          let body = ''
          incoming.setEncoding('utf8')
          incoming.on('data', (piece: string) => (body += piece))
          incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body }))
          incoming.on('error', reject)
        },
      )
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in 10 s')))
      outgoing.on('error', reject)
      outgoing.end()
    })
  }
}
