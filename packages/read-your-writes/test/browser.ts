/** What a browser is, as far as sessions go: a jar of cookies for one site. */
export class Browser {
  readonly #origin: string
  readonly #jar = new Map<string, string>()

  constructor(origin: string) {
    this.#origin = origin
  }

  get cookies(): readonly string[] {
    return [...this.#jar.keys()]
  }

  cookie(name: string): string | undefined {
    return this.#jar.get(name)
  }

  setCookie(name: string, value: string): void {
    this.#jar.set(name, value)
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (this.#jar.size > 0) {
      headers.set('cookie', [...this.#jar].map(([name, value]) => `${name}=${value}`).join('; '))
    }
    const response = await fetch(`${this.#origin}${path}`, { redirect: 'manual', ...init, headers })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    return response
  }

  /** The answer to a GET as JSON. */
  async json(path: string): Promise<unknown> {
    const response = await this.fetch(path)
    if (response.status !== 200) throw new Error(`GET ${path} answered ${response.status}`)
    return response.json()
  }

  #keep(line: string): void {
    const [pair = ''] = line.split(';')
    const at = pair.indexOf('=')
    const name = pair.slice(0, at)
    if (/;\s*max-age=0/i.test(line)) this.#jar.delete(name)
    else this.#jar.set(name, pair.slice(at + 1))
  }
}
