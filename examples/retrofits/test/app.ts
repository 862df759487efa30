import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A running example. */
export interface App extends AsyncDisposable {
  readonly origin: string
}

export interface AppOptions {
  readonly primaryPort: number
  readonly replicaPort: number
}

/** Starts an example as its owner would, as a process of its own, and waits until it listens. */
export async function startApp(file: string, { primaryPort, replicaPort }: AppOptions): Promise<App> {
  // Decorators are no TypeScript that Node can strip.
  const loader = file.startsWith('nest') ? ['--import', 'tsx'] : []
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url))
  const child = spawn(process.execPath, [...loader, '--conditions=@quorate/source', path], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      ...process.env,
      TSX_DISABLE_CACHE: '1',
      PRIMARY_URL: urlOf(primaryPort),
      REPLICA_URL: urlOf(replicaPort),
      SESSION_SECRET: 'a secret that only the tests know',
      PORT: '0',
      PGAPPNAME: file,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const closed = once(child, 'close') as Promise<[code: number | null]>
  const origin = await new Promise<string>((resolve, reject) => {
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text
      const [url] = /http:\S+(?=\n)/.exec(printed) ?? []
      if (url !== undefined) resolve(url)
    })
    closed.then(() => reject(new Error(`${file} ended before it listened: ${errors}`)), reject)
  })
  return {
    origin,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      const [code] = await closed
      if (code !== 0) throw new Error(`${file} ended with ${code}: ${errors}`)
    },
  }
}

const urlOf = (port: number): string => `postgres://postgres@127.0.0.1:${port}/postgres`

/** A browser with a cookie jar for one site; it follows redirects. */
export class Browser {
  readonly #origin: string
  #cookie = ''

  constructor(origin: string) {
    this.#origin = origin
  }

  async send(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
    const headers = new Headers()
    if (this.#cookie !== '') headers.set('cookie', this.#cookie)
    if (body !== undefined) headers.set('content-type', 'application/json')
    const response = await fetch(`${this.#origin}${path}`, {
      method,
      headers,
      redirect: 'manual',
      body: body === undefined ? null : JSON.stringify(body),
    })
    const [cookie] = response.headers.getSetCookie()
    if (cookie !== undefined) this.#cookie = cookie.split(';')[0] ?? ''
    const location = response.headers.get('location')
    if (location !== null) return this.send('GET', location)
    const text = await response.text()
    return { status: response.status, body: text.startsWith('{') ? (JSON.parse(text) as unknown) : text }
  }
}
