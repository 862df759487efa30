import { apiOf, type Answer } from './api.ts'

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

/** A customer's browser: it keeps the cookies that the gateway sets. */
export class Browser {
  readonly user: string
  readonly #call: ReturnType<typeof apiOf>['call']
  readonly #jar = new Map<string, string>()

  constructor(gatewayUrl: string, user: string) {
    this.user = user
    this.#call = apiOf(gatewayUrl).call
  }

  async call<T>(method: Method, path: string, body?: unknown): Promise<Answer<T>> {
    const cookie = [...this.#jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await this.#call<T>(method, path, {
      user: this.user,
      ...(body === undefined ? {} : { body }),
      ...(cookie === '' ? {} : { headers: { cookie } }),
    })
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=')
      this.setCookie(name, value)
    }
    return answer
  }

  setCookie(name: string, value: string): void {
    this.#jar.set(name, value)
  }

  /** The session token that it keeps for a service. */
  token(service: string): string {
    const value = this.#jar.get(`quorate-session-${service}`)
    if (value === undefined) throw new Error(`This browser has no token of ${service}`)
    return value
  }
}
