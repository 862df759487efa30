import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Chromium, findChromium, type Page } from '../../checker/test/chromium.test-helper.ts'
import { followApi, followPage } from './client-setup.ts'
import type { FrameworkSite } from './framework-suite.ts'
import { startBench, type Bench, type TestRouter } from './setup.ts'

const path = findChromium()
if (path === undefined) console.warn('optional: no Chromium on this machine; set CHROME_BIN to test with one')

describe.skipIf(path === undefined)(
  'in Chromium, from an API of another origin whose replicas stand still',
  () => {
    let bench: Bench
    let router: TestRouter
    let api: FrameworkSite
    let page: FrameworkSite
    let browser: Chromium
    let tabs: readonly [Page, Page]

    /** A tab with a client, and what it reported. */
    async function open(): Promise<Page> {
      const tab = await browser.open(page.origin)
      await tab.evaluate(`
      globalThis.events = []
      globalThis.client = quorate.createClient({ onEvent: (event) => events.push(event) })
      globalThis.put = async (path) => (await client.fetch('${api.origin}' + path, { method: 'PUT' })).status
      globalThis.heard = new Promise((resolve) => client.subscribe(resolve))
      globalThis.follows = async (id, options) => (await client.fetch('${api.origin}/follows/' + id, options)).json()
    `)
      return tab
    }

    beforeAll(async () => {
      bench = await startBench()
      router = await bench.router({ waitMs: 0, maxLagMs: 60_000 })
      for (const replica of bench.replicas) await replica.pauseReplay()
      api = await followApi(router)
      page = await followPage()
      browser = await Chromium.start(path ?? '')
      tabs = [await open(), await open()]
    })
    afterAll(async () => {
      await browser[Symbol.asyncDispose]()
      for (const site of [page, api]) await site[Symbol.asyncDispose]()
      await router[Symbol.asyncDispose]()
      await bench[Symbol.asyncDispose]()
    })

    test('the plain fetch reads what was before, and the cookie does not help', async () => {
      const seen = await tabs[0].evaluate(`(async () => {
      await fetch('${api.origin}/follows/plain', { method: 'PUT' })
      return (await fetch('${api.origin}/follows/plain')).json()
    })()`)
      expect(seen).toBe(false)
    })

    test('a write in one tab is seen by a read in the other, past the browser’s cache, and after a reload', async () => {
      const [one, other] = tabs
      expect(await other.evaluate(`follows('own')`)).toBe(false) // cached for a minute
      expect(await one.evaluate(`put('/follows/own')`)).toBe(204)
      expect(await other.evaluate('heard')).toBe(api.origin) // tabs are processes: it takes a moment
      expect(await one.evaluate(`follows('own')`)).toBe(true)
      expect(await other.evaluate(`follows('own')`)).toBe(true)
      expect(router.lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
      const later = await open()
      expect(await later.evaluate(`follows('own')`)).toBe(true)
    })

    test('the channel alone is enough, and so is the storage alone', async () => {
      for (const off of ['storage', 'channel']) {
        const [one, other] = [await open(), await open()]
        for (const tab of [one, other]) {
          await tab.evaluate(`
            client.close()
            globalThis.client = quorate.createClient({ ${off}: false })
            globalThis.heard = new Promise((resolve) => {
              if (${off === 'storage'}) client.subscribe(() => resolve(true))
              else addEventListener('storage', ({ newValue }) => newValue !== null && resolve(true))
            })
            undefined`) // not the promise, which would be waited for
        }
        await one.evaluate(`put('/follows/without-${off}')`)
        expect(await other.evaluate('heard')).toBe(true)
        expect(await other.evaluate(`follows('without-${off}')`)).toBe(true)
      }
    })

    test('the follow button in one tab turns the one in the other', async () => {
      const [one, other] = tabs
      for (const tab of tabs) {
        await tab.evaluate(`
        globalThis.buttons = quorate.optimistic({
          client, read: (id, { signal }) => follows(id, { signal }),
        })
        globalThis.turned = new Promise((resolve) => buttons.subscribe('ann', () => {
          if (buttons.getSnapshot('ann').value === true) resolve(true)
        }))
        buttons.refresh('ann')`)
      }
      const result = await one.evaluate(`(async () => {
      const result = buttons.update('ann', { change: () => true, write: ({ signal }) =>
        client.fetch('${api.origin}/follows/ann', { method: 'PUT', signal }) })
      return [buttons.getSnapshot('ann').value, await result]
    })()`)
      expect(result).toEqual([true, { status: 'confirmed', value: true }])
      expect(await other.evaluate('turned')).toBe(true)
    })

    test('a write whose connection broke is found', async () => {
      const [one] = tabs
      const outcome = await one.evaluate(`put('/lost-answer/broken').catch((error) => error.name)`)
      expect([outcome, await one.evaluate(`follows('broken')`)]).toEqual(['TypeError', true])
      expect(await one.evaluate(`events.at(-1)`)).toMatchObject({ type: 'token-lost', reason: 'no-answer' })
    })

    test('a server that does not expose the header is reported', async () => {
      const [one] = tabs
      // A client of its own: with a token from another tab it would know that the server has one.
      const status = await one.evaluate(`(async () => {
      events.length = 0
      const alone = quorate.createClient({ storage: false, channel: false, onEvent: (event) => events.push(event) })
      return (await alone.fetch('${api.origin}/hidden/x', { method: 'PUT' })).status
    })()`)
      expect(status).toBe(204)
      expect(await one.evaluate(`events`)).toEqual([
        { type: 'token-unreadable', key: api.origin, url: `${api.origin}/hidden/x` },
      ])
    })

    test('nothing is touched when a module is loaded, and the pages had nothing to complain about', () => {
      const errors = tabs
        .flatMap(({ complaints }) => complaints)
        .filter((text) => !text.includes('ERR_EMPTY_RESPONSE'))
      expect(errors).toEqual([])
    })
  },
)
