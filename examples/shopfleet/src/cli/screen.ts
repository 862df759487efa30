import type { WriteStream } from 'node:tty'

/** What the person at the terminal sees: lines, and one bar that is redrawn in place where that is possible. */
export class Screen {
  readonly #out: NodeJS.WriteStream
  readonly #now: () => number
  #bar:
    | { label: string; done: number; total: number; startMs: number; startDone: number; drawnMs: number }
    | undefined

  constructor(out: NodeJS.WriteStream = process.stdout, now: () => number = () => performance.now()) {
    this.#out = out
    this.#now = now
  }

  readonly print = (line: string): void => {
    this.#clearBar()
    this.#out.write(`${line}\n`)
  }

  /** Shows how far a long piece of work is, with its rate and the time left. */
  progress(label: string, done: number, total: number): void {
    const nowMs = this.#now()
    if (this.#bar?.label !== label)
      this.#bar = { label, done, total, startMs: nowMs, startDone: done, drawnMs: -Infinity }
    const bar = this.#bar
    bar.done = done
    bar.total = total
    // A terminal is redrawn; a file or a pipe gets a line every two seconds.
    const everyMs = this.#isTerminal() ? 100 : 2_000
    const isLast = done >= total
    if (nowMs - bar.drawnMs < everyMs && !isLast) return
    bar.drawnMs = nowMs
    // The last column stays free: a full line may wrap, and only its last row can be drawn again. Some terminals, as those
    // of containers, do not know how wide they are, and say 0.
    const { columns = 0 } = this.#out as Partial<WriteStream>
    const room = columns > 0 ? columns - 1 : Infinity
    this.#out.write(
      this.#isTerminal() ? `\r\u001B[2K${barText(bar, nowMs, room)}` : `${barText(bar, nowMs, Infinity)}\n`,
    )
    if (isLast) {
      if (this.#isTerminal()) this.#out.write('\n')
      this.#bar = undefined
    }
  }

  #clearBar(): void {
    if (this.#bar !== undefined && this.#isTerminal()) this.#out.write('\r\u001B[2K')
  }

  #isTerminal(): boolean {
    return (this.#out as Partial<WriteStream>).isTTY === true && process.env['TERM'] !== 'dumb'
  }
}

const WIDTH = 24

/** What there is no room for is left out: time left and rate first, then the bar, then the end of what is left. */
function barText(
  bar: { label: string; done: number; total: number; startMs: number; startDone: number },
  nowMs: number,
  room: number,
): string {
  const { label, done, total } = bar
  const share = total > 0 ? done / total : 1
  const filled = Math.round(share * WIDTH)
  const perSecond = ((done - bar.startDone) * 1_000) / Math.max(1, nowMs - bar.startMs)
  const left = perSecond > 0 ? `${Math.ceil((total - done) / perSecond)} s left` : ''
  const rate = perSecond > 0 ? `${perSecond.toFixed(perSecond < 10 ? 1 : 0)}/s` : ''
  const count = `${done}/${total}`
  const drawn = `${label} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${count}`
  const texts = [`${drawn}  ${rate}  ${done < total ? left : ''}`.trimEnd(), drawn, `${label} ${count}`]
  return texts.find(({ length }) => length <= room) ?? `${label} ${count}`.slice(0, Math.max(0, room))
}
