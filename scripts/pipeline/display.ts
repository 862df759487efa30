import type { Step, StepResult } from './step.ts'

/** Lines for a log, and on a terminal one more that says what is running. */
export class Display {
  readonly #running = new Map<string, { since: number; last: string }>()
  readonly #tty: boolean
  readonly #timer: NodeJS.Timeout | undefined
  readonly #stream: NodeJS.WriteStream

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
    this.#tty = stream.isTTY
    if (this.#tty) this.#timer = setInterval(() => this.#status(), 200)
  }

  line(text: string): void {
    this.#stream.write(this.#tty ? `\r\u001b[K${text}\n` : `${text}\n`)
  }

  started(step: Step): void {
    this.#running.set(step.name, { since: performance.now(), last: '' })
    if (!this.#tty) this.line(`${step.name} …`)
  }

  printed(step: Step, line: string): void {
    const state = this.#running.get(step.name)
    if (state !== undefined) state.last = line
    if (step.live === true && line.trim() !== '') this.line(`  ${line}`)
  }

  ended({ step, seconds, passed, failed, skipped, notes }: StepResult): void {
    this.#running.delete(step)
    const mark = failed > 0 ? 'FAILED' : passed > 0 ? 'ok    ' : 'skip  '
    const counts =
      passed + failed + skipped > 1 ? `  ${passed} passed, ${failed} failed, ${skipped} skipped` : ''
    const why = passed + failed + skipped === 1 && notes[0] !== undefined ? `  ${notes[0]}` : ''
    this.line(`${mark} ${step.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s${counts}${why}`)
  }

  close(): void {
    clearInterval(this.#timer)
    if (this.#tty) this.#stream.write('\r\u001b[K')
  }

  #status(): void {
    const parts = [...this.#running].map(([name, { since, last }]) => {
      const seconds = Math.round((performance.now() - since) / 1000)
      return `${name} ${seconds} s ${last.trim().slice(0, 40)}`.trim()
    })
    const text = parts.join('  |  ').slice(0, Math.max(20, this.#stream.columns - 1))
    this.#stream.write(`\r\u001b[K${text}`)
  }
}
