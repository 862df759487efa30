import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** Path of a Chromium of this machine: `CHROME_BIN`, or one in the `PATH`. */
export function findChromium(): string | undefined {
  const folders = process.env['PATH']?.split(delimiter) ?? []
  const places = [
    process.env['CHROME_BIN'] ?? '',
    ...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))),
  ]
  return places.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return path !== ''
    } catch {
      return false
    }
  })
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** Chromium without a window, driven over a pipe by the DevTools protocol: no port, no package. */
export class Chromium implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #waiting = new Map<number, (message: Message) => void>()
  readonly #listeners = new Set<(message: Message) => void>()
  #lastId = 0

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
    let text = ''
    ;(child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const messages = (text + chunk).split('\0')
      text = messages.pop() ?? ''
      for (const one of messages) this.#receive(JSON.parse(one) as Message)
    })
  }

  static async start(path: string): Promise<Chromium> {
    const folder = await mkdtemp(join(tmpdir(), 'quorate-chromium-'))
    const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    const flags = [
      '--headless=new',
      '--remote-debugging-pipe',
      '--disable-gpu',
      '--no-first-run',
      `--user-data-dir=${folder}`,
    ]
    const child = spawn(path, [...flags, ...asRoot, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    })
    await once(child, 'spawn')
    return new Chromium(child, folder)
  }

  /** A page of its own, 1,200 by 800. */
  async open(url: string, options: { readonly scripts: boolean } = { scripts: true }): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true })
    const page = new Page(this, String(sessionId))
    await page.load(url, options)
    return page
  }

  async send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#lastId
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve))
    ;(this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    const { error, result = {} } = await answer
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  onEvent(listener: (message: Message & { readonly sessionId?: string }) => void): void {
    this.#listeners.add(listener)
  }

  #receive(message: Message): void {
    if (message.id === undefined) for (const listener of this.#listeners) listener(message)
    else {
      this.#waiting.get(message.id)?.(message)
      this.#waiting.delete(message.id)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#child, 'exit')
    await this.send('Browser.close').catch(() => this.#child.kill('SIGKILL'))
    await exit
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

export class Page {
  /** What the page complained about: errors, blocked scripts and styles, dialogs. */
  readonly complaints: string[] = []
  readonly #browser: Chromium
  readonly #session: string

  constructor(browser: Chromium, session: string) {
    this.#browser = browser
    this.#session = session
  }

  async load(url: string, { scripts }: { readonly scripts: boolean }): Promise<void> {
    for (const domain of ['Page', 'Runtime', 'Log']) await this.#send(`${domain}.enable`)
    await this.#send('Emulation.setScriptExecutionDisabled', { value: !scripts })
    await this.#send('Emulation.setFocusEmulationEnabled', { enabled: true })
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width: 1200,
      height: 800,
      deviceScaleFactor: 1,
      mobile: false,
    })
    const loaded = new Promise<void>((resolve) =>
      this.#browser.onEvent(({ method, params, sessionId }) => {
        if (sessionId !== this.#session) return
        if (method === 'Page.loadEventFired') resolve()
        if (
          method === 'Log.entryAdded' ||
          method === 'Runtime.exceptionThrown' ||
          method === 'Page.javascriptDialogOpening'
        )
          this.complaints.push(JSON.stringify(params))
      }),
    )
    await this.#send('Page.navigate', { url })
    await loaded
  }

  /** The value of an expression in the page, as JSON; of a promise, what it resolves to. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
    return (result as { value: T }).value
  }

  /** Keys as a keyboard sends them, one after the other. */
  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const text = key.length === 1 ? { text: key } : {}
      await this.#send('Input.dispatchKeyEvent', {
        type: key.length === 1 ? 'keyDown' : 'rawKeyDown',
        key,
        code: key,
        windowsVirtualKeyCode: CODES[key],
        ...text,
      })
      await this.#send('Input.dispatchKeyEvent', {
        type: 'keyUp',
        key,
        code: key,
        windowsVirtualKeyCode: CODES[key],
      })
    }
  }

  async #send(method: string, params?: object): Promise<Record<string, unknown>> {
    return this.#browser.send(method, params, this.#session)
  }
}

const CODES: Readonly<Record<string, number>> = {
  Tab: 9,
  Escape: 27,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
}
