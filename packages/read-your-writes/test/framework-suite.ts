import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Queryable, ReadYourWrites } from '@quorate/read-your-writes'
import { Browser } from './browser.ts'
import { startBench, type Bench, type TestRouter } from './setup.ts'

/** A running application of one framework. */
export interface FrameworkSite extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string
}

/** What the application of the suite does, whatever it is made with. */
export interface Notes {
  /** Writes a note. */
  put(id: string): (tx: Queryable) => Promise<unknown>
  /** Does a server show it? */
  exists(id: string): (q: Queryable) => Promise<boolean>
}

const notes: Notes = {
  put: (id) => (tx) => tx.query('INSERT INTO note VALUES ($1, 1)', [id]),
  exists: (id) => async (q) => (await q.query('SELECT 1 FROM note WHERE id = $1', [id])).rowCount === 1,
}

/**
 * Drives a real application of one framework over HTTP, with browsers that keep cookies, on replicas that
 * show nothing new: who sees a write was sent to the primary for it, because of the token.
 *
 * The application has, with the session of the integration and the `key` from the header `x-user` if there is one:
 * - `GET /note/:id`: JSON `true` or `false`, by `db.read(notes.exists(id))`.
 * - `POST /note/:id`: `db.write(notes.put(id))`, then 204.
 * - `POST /stream/:id`: writes, then sends `first` and `last` as a stream.
 * - `POST /redirect/:id`: writes, then redirects to `/elsewhere`.
 * - `POST /error/:id`: writes, then throws; the framework makes its error answer.
 * - `POST /cookies/:id`: writes, and sets the cookies `a=1` and `b=2` by the framework's own means.
 * - `POST /late/:id`: sends `first` of a stream, and only then writes, then ends.
 * - `POST /outside/:id`: writes from an event handler that runs outside the asynchronous context, with the
 *   session of the request, then 204.
 * - `POST /body/:id`: reads a JSON body `{ "id" }` by the framework's own parser, writes *that* id, then 204.
 */
export function frameworkSuite(
  name: string,
  start: (db: ReadYourWrites, notes: Notes) => Promise<FrameworkSite>,
): void {
  describe(`${name} over HTTP`, () => {
    let bench: Bench
    let router: TestRouter
    let site: FrameworkSite
    beforeAll(async () => {
      bench = await startBench()
      router = await bench.router({ waitMs: 0, maxLagMs: 60_000 }) // or replicas that stand still are ejected
      for (const replica of bench.replicas) await replica.pauseReplay()
      site = await start(router.db, notes)
    })
    afterAll(async () => {
      await site[Symbol.asyncDispose]()
      await router[Symbol.asyncDispose]()
      await bench[Symbol.asyncDispose]()
    })
    const post = { method: 'POST' }

    test('a browser sees its own write; another one, and the next visitor, read the replica', async () => {
      const [ann, bob] = [new Browser(site.origin), new Browser(site.origin)]
      const posted = await ann.fetch('/note/own', post)
      expect(posted.status).toBe(204)
      expect(posted.headers.getSetCookie()).toHaveLength(1)
      expect(posted.headers.getSetCookie()[0]).toMatch(
        /^quorate-session=[\w-]+; Path=\/; Max-Age=86400; HttpOnly; SameSite=Lax$/,
      )
      expect(await ann.json('/note/own')).toBe(true)
      expect(router.lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
      expect(await bob.json('/note/own')).toBe(false)
      expect(router.lastRead()).toMatchObject({ reason: undefined })
      await bob.fetch('/note/of-bob', post)
      expect([await bob.json('/note/of-bob'), await bob.json('/note/own')]).toEqual([true, true])
    })

    test('the header carries the token as well, and an answer that moved nothing says nothing', async () => {
      const posted = await fetch(`${site.origin}/note/by-header`, post)
      const token = posted.headers.get('quorate-session') as string
      const seen = await fetch(`${site.origin}/note/by-header`, { headers: { 'quorate-session': token } })
      expect(await seen.json()).toBe(true)
      expect([seen.headers.getSetCookie(), seen.headers.get('quorate-session')]).toEqual([[], null])
    })

    test('a client that brings several tokens gets one back, which is as good as all of them', async () => {
      const read = (token: string): Promise<Response> =>
        fetch(`${site.origin}/note/several-1`, { headers: { 'quorate-session': token } })
      const tokens: string[] = []
      for (const id of ['several-1', 'several-2']) {
        const posted = await fetch(`${site.origin}/note/${id}`, post)
        tokens.push(posted.headers.get('quorate-session') ?? '')
      }
      const merged = (await read(tokens.toReversed().join(', '))).headers.get('quorate-session') ?? ''
      expect(merged).toMatch(/^[\w-]+$/)
      const other = await fetch(`${site.origin}/note/several-2`, { headers: { 'quorate-session': merged } })
      expect([await (await read(merged)).json(), await other.json()]).toEqual([true, true])
      const twice = await read(`${merged},${merged}`)
      expect(twice.headers.get('quorate-session')).toBeNull()
    })

    test.each(['stream', 'redirect', 'error', 'cookies', 'outside'])(
      'the token goes out: %s',
      async (route) => {
        const browser = new Browser(site.origin)
        const answer = await browser.fetch(`/${route}/${route}`, post)
        const body = await answer.text()
        expect([answer.status, route === 'stream' ? body : '']).toEqual(
          {
            stream: [200, 'firstlast'],
            redirect: [302, ''],
            error: [500, ''],
            cookies: [204, ''],
            outside: [204, ''],
          }[route],
        )
        expect(browser.cookies.toSorted()).toEqual(
          route === 'cookies' ? ['a', 'b', 'quorate-session'] : ['quorate-session'],
        )
        expect(await browser.json(`/note/${route}`)).toBe(true)
      },
    )

    test('the session survives the body parser', async () => {
      const browser = new Browser(site.origin)
      const headers = { 'content-type': 'application/json' }
      const answer = await browser.fetch('/body/x', {
        ...post,
        headers,
        body: JSON.stringify({ id: 'parsed' }),
      })
      expect(answer.status).toBe(204)
      expect(await browser.json('/note/parsed')).toBe(true)
    })

    test('a token that moves after the headers are gone is reported', async () => {
      const browser = new Browser(site.origin)
      const before = router.events.length
      await (await browser.fetch('/late/late', post)).text()
      const isLate = (): boolean => router.events.slice(before).some(({ type }) => type === 'token-late')
      await router.until(isLate)
      expect(browser.cookies).toEqual([])
    })

    test('a tampered or foreign token is no error: the primary answers and replaces it', async () => {
      const ann = new Browser(site.origin)
      await ann.fetch('/note/tamper', post)
      const good = ann.cookie('quorate-session') as string
      const bad = `${good.slice(0, 20)}${good[20] === 'A' ? 'B' : 'A'}${good.slice(21)}`
      for (const value of [bad, 'rubbish', '%%%', 'A'.repeat(5_000)]) {
        const browser = new Browser(site.origin)
        browser.setCookie('quorate-session', value)
        expect(await browser.json('/note/tamper')).toBe(true)
        expect(browser.cookie('quorate-session')).not.toBe(value)
      }
    })

    test('many requests at once keep their sessions apart', async () => {
      const browsers = Array.from({ length: 20 }, () => new Browser(site.origin))
      await Promise.all(browsers.map((browser, index) => browser.fetch(`/note/many-${index}`, post)))
      const own = await Promise.all(browsers.map((browser, index) => browser.json(`/note/many-${index}`)))
      expect(own).toEqual(browsers.map(() => true))
      expect(new Set(browsers.map((browser) => browser.cookie('quorate-session'))).size).toBeGreaterThan(1)
      expect(await new Browser(site.origin).json('/note/many-0')).toBe(false)
    })

    test('users with a key see their writes without a cookie, and only theirs', async () => {
      const headers = { 'x-user': 'ann' }
      await fetch(`${site.origin}/note/keyed`, { ...post, headers })
      expect(await (await fetch(`${site.origin}/note/keyed`, { headers })).json()).toBe(true)
      const other = await fetch(`${site.origin}/note/keyed`, { headers: { 'x-user': 'bob' } })
      expect(await other.json()).toBe(false)
    })
  })
}
