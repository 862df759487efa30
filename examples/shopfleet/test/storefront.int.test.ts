import { chromium, type Browser, type BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { startShop, type Shop } from '../src/shop.ts'
import { stockShelves } from '../src/story/customer.ts'
import { findChromium } from './chromium.ts'
import { Storefront } from './storefront-page.ts'

const path = findChromium()
const SHELVES = [
  { sku: 'TV', name: 'Television', priceCents: 64_900, units: 50 },
  { sku: 'CABLE', name: 'Cable', priceCents: 899, units: 50 },
  { sku: 'MUG', name: 'White mug', priceCents: 450, units: 50 },
]
const WAIT = { timeout: 30_000, interval: 50 } // against hangs

describe('the storefront in Chromium', () => {
  let shop: Shop
  let browser: Browser
  let context: BrowserContext
  let user = ''
  let users = 0
  const open = (as = user, where = context) => Storefront.open(where, shop.gatewayUrl, as)

  beforeAll(async () => {
    if (path === undefined) return
    const noSandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    const starting = chromium.launch({ executablePath: path, args: noSandbox })
    shop = await startShop({ deliveryMs: 50 })
    browser = await starting
    await stockShelves(shop.gatewayUrl, SHELVES)
  })
  beforeEach(async (testContext) => {
    if (path === undefined) return testContext.skip('optional: no Chromium in the PATH nor in CHROME_BIN')
    user = `user-${users++}`
    context = await browser.newContext()
    return undefined
  })
  afterEach(() => context?.close())
  afterAll(async () => {
    await browser?.close()
    await shop?.stop()
  })

  /** Waits until the device shows these lines. @returns what it shows then. */
  const shows = (front: Storefront, device: 'phone' | 'laptop', lines: readonly string[]) =>
    vi.waitFor(async () => {
      const shown = await front.cart(device)
      if (shown.join('\n') !== lines.join('\n')) throw new Error(`${device} shows ${JSON.stringify(shown)}`)
      return shown
    }, WAIT)

  test('a TV on the phone and a cable on the laptop, both offline: both keep both, the last write would have lost one', async () => {
    const front = await open()
    await front.online('phone').click()
    await front.online('laptop').click()
    await front.add('phone', 'Television')
    await front.add('laptop', 'Cable')
    await front.add('laptop', 'White mug')
    expect(await front.cart('phone')).toEqual(['1 Television'])
    expect(await front.cart('laptop')).toEqual(['1 Cable', '1 White mug'])
    expect(await front.status('laptop')).toBe('Offline, 2 products changed, kept on this device')

    await front.online('phone').click()
    await front.online('laptop').click()
    for (const device of ['phone', 'laptop'] as const)
      await shows(front, device, ['1 Cable', '1 White mug', '1 Television'])

    const merged = front.page.getByRole('region', { name: 'What was merged' })
    await vi.waitFor(async () => {
      const text = await merged.innerText()
      expect(text).toContain('while both were offline, the laptop added 1 × Cable, 1 × White mug.')
      expect(text).toContain('while both were offline, the phone added 1 × Television.')
    }, WAIT)
    const lastWrite = front.page.getByRole('region', { name: 'What last-write-wins would have kept' })
    expect(await lastWrite.getByRole('row', { name: 'Television' }).innerText()).toMatch(/1\s+0, 1 lost/)
    expect(await lastWrite.getByRole('row', { name: 'Cable' }).innerText()).toMatch(/1\s+1$/)
  })

  test('a device that is online shows at once what the other does', async () => {
    const front = await open()
    await front.add('phone', 'White mug')
    await shows(front, 'laptop', ['1 White mug'])
    await front.page.getByRole('button', { name: 'One White mug less on the laptop' }).click()
    await shows(front, 'phone', [])
    expect(await front.page.getByRole('region', { name: /last-write-wins/ }).count()).toBe(0)
  })

  test('a reload keeps what was done offline, and the switch', async () => {
    const front = await open()
    await front.online('phone').click()
    await front.add('phone', 'White mug')
    await front.add('phone', 'White mug')
    await front.page.reload()
    expect(await front.online('phone').getAttribute('aria-checked')).toBe('false')
    await shows(front, 'phone', ['2 White mug'])
    expect(await front.cart('laptop')).toEqual([])
    await front.online('phone').click()
    await shows(front, 'laptop', ['2 White mug'])
  })

  test('the phone pays; the laptop, offline since before, keeps its own new line and brings nothing back', async () => {
    const front = await open()
    await front.add('phone', 'Television')
    await shows(front, 'laptop', ['1 Television'])
    await front.online('laptop').click()
    await front.add('laptop', 'Cable')
    expect(await front.page.getByRole('button', { name: 'Pay on the laptop' }).isDisabled()).toBe(true)
    await front.page.getByRole('button', { name: 'Pay on the phone' }).click()
    await shows(front, 'phone', [])
    const orders = front.page.getByRole('region', { name: 'Orders' })
    await vi.waitFor(async () => expect(await orders.innerText()).toMatch(/£649\.00[\s\S]*DELIVERED/), WAIT)
    expect(await front.cart('laptop')).toEqual(['1 Cable', '1 Television'])

    await front.online('laptop').click()
    for (const device of ['phone', 'laptop'] as const) await shows(front, device, ['1 Cable'])
    const merged = front.page.getByRole('region', { name: 'What was merged' })
    expect(await merged.innerText()).toContain(
      'while the laptop was offline, an order took out 1 × Television',
    )
  })

  test('a shop that is away is said, edits are kept, and go in when it is back', async () => {
    const front = await open()
    await shows(front, 'phone', [])
    await context.setOffline(true)
    await front.add('phone', 'White mug')
    const alert = front.panel('phone').getByRole('alert')
    await vi.waitFor(async () => expect(await alert.innerText()).toMatch(/shop cannot be reached/), WAIT)
    expect(await front.cart('phone')).toEqual(['1 White mug'])
    await context.setOffline(false)
    await shows(front, 'laptop', ['1 White mug'])
    await vi.waitFor(async () => expect(await alert.count()).toBe(0), WAIT)
  })

  test('two tabs do not edit under one name: the second may take over', async () => {
    const first = await open()
    await first.add('phone', 'White mug')
    await shows(first, 'laptop', ['1 White mug'])
    const second = await open()
    await second.page.getByText('are open in another tab').waitFor()
    await second.page.getByRole('button', { name: 'Go on here' }).click()
    await shows(second, 'phone', ['1 White mug'])
    await first.page.getByText('are open in another tab').waitFor()
    await second.add('laptop', 'Cable')
    await second.page.close()
    expect(await shows(first, 'phone', ['1 Cable', '1 White mug'])).toEqual(['1 Cable', '1 White mug'])
  })

  test('a browser profile that was copied goes on under new names, and no add is lost', async () => {
    const front = await open()
    await front.add('phone', 'White mug')
    await shows(front, 'laptop', ['1 White mug'])
    const copy = await browser.newContext({ storageState: await context.storageState() })
    try {
      const other = await open(user, copy)
      await shows(other, 'phone', ['1 White mug'])
      for (const one of [front, other]) await one.online('phone').click()
      await front.add('phone', 'Television')
      await other.add('phone', 'Cable')
      for (const one of [front, other]) await one.online('phone').click()
      const both = ['1 Cable', '1 White mug', '1 Television']
      for (const one of [front, other]) expect(await shows(one, 'phone', both)).toEqual(both)
    } finally {
      await copy.close()
    }
  })

  test('storage that cannot be read is said, and the shop’s cart is there all the same', async () => {
    const front = await open()
    await front.add('phone', 'White mug')
    await shows(front, 'laptop', ['1 White mug'])
    await front.page.evaluate(`localStorage.setItem('cart.${user}.phone', '{"isOnline":false,"device":{}}')`)
    await front.page.reload()
    expect(await shows(front, 'phone', ['1 White mug'])).toEqual(['1 White mug'])
  })

  test('the page of replicas: one that is frozen lags and is ejected with an alert, and comes back', async () => {
    const [frozen] = shop.cluster.postgres.orders.replicas
    const front = await open()
    await front.page.getByRole('link', { name: 'Replicas' }).click()
    expect(await front.page.getByRole('link', { name: 'Replicas' }).getAttribute('aria-current')).toBe('page')
    const orders = front.page.getByRole('region', { name: 'orders' })
    const rowOf = (server: string) => orders.getByRole('row', { name: server }).innerText()
    const alerts = front.page.getByRole('region', { name: 'Alerts' })
    await vi.waitFor(async () => {
      expect(await rowOf('primary')).toMatch(/✓ answers/)
      for (const replica of ['replica-1', 'replica-2'])
        expect(await rowOf(replica)).toMatch(/✓ healthy\s.*ms/)
    }, WAIT)
    for (const service of ['profiles', 'cart']) {
      const region = front.page.getByRole('region', { name: service })
      expect(await region.getByRole('row', { name: 'replica-1' }).innerText()).toMatch(/healthy/)
    }
    expect(await alerts.innerText()).not.toMatch(/orders: replica-1 is lagging/)

    await frozen.pauseReplay()
    try {
      // Something that it misses.
      await shop.pools.orders.query(`select pg_logical_emit_message(true, 'shopfleet', 'news')`)
      await vi.waitFor(async () => expect(await rowOf('replica-1')).toMatch(/▲ lagging\s+[\d.]+ s/), WAIT)
      expect(await rowOf('replica-2')).toMatch(/✓ healthy/)
      await vi.waitFor(async () => {
        expect(await alerts.innerText()).toMatch(/ejected\s+orders: replica-1 is lagging, [\d.]+ s, .*behind/)
      }, WAIT)

      await expectReadable(front)
    } finally {
      await frozen.resumeReplay()
    }
    await vi.waitFor(async () => {
      expect(await rowOf('replica-1')).toMatch(/✓ healthy/)
      expect(await alerts.innerText()).toMatch(/readmitted[\s\S]*ejected/)
    }, WAIT)
    await front.page.reload()
    await front.page.getByRole('region', { name: 'Alerts' }).waitFor()
    await front.page.getByRole('link', { name: 'Shop' }).click()
    expect(await shows(front, 'phone', [])).toEqual([])
  })

  test('the page of replicas says that the shop cannot be reached, and goes on by itself', async () => {
    const front = await open()
    await front.page.getByRole('link', { name: 'Replicas' }).click()
    const region = front.page.getByRole('region', { name: 'Replicas' })
    await region.getByRole('row', { name: 'replica-2' }).waitFor()
    await context.setOffline(true)
    await region.getByRole('alert').waitFor()
    expect(await region.getByRole('alert').innerText()).toMatch(/cannot be reached.*What follows is older/)
    expect(await region.getByRole('row', { name: 'replica-2' }).count()).toBe(1)
    await context.setOffline(false)
    await vi.waitFor(async () => expect(await region.getByRole('alert').count()).toBe(0), WAIT)
  })

  test('everything works by keyboard, has a name, and fits a small screen, light and dark', async () => {
    const front = await open()
    await front.add('phone', 'White mug')
    await shows(front, 'laptop', ['1 White mug'])
    await front.online('phone').focus()
    await front.page.keyboard.press('Space')
    expect(await front.online('phone').getAttribute('aria-checked')).toBe('false')
    for (let tabs = 0; tabs < 2; tabs++) await front.page.keyboard.press('Tab')
    await front.page.keyboard.press('Enter')
    await shows(front, 'phone', ['2 White mug'])

    for (const control of await front.page.locator('button, select, input').all())
      expect(await control.evaluate(NAME), await control.evaluate('(node) => node.outerHTML')).not.toBe('')
    await expectReadable(front)
  })
})

/** On a small screen, light and dark. */
async function expectReadable({ page }: Storefront): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width: 320, height: 640 })
    const tooWide = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
    expect(await page.evaluate(tooWide)).toBe(0)
    expect(await page.evaluate(WEAK)).toEqual([])
  }
}

/** The name that assistive technology reads. */
const NAME = `(node) => node.getAttribute('aria-label') ?? node.labels?.[0]?.textContent ?? node.textContent.trim()`

/** Texts whose contrast to what is behind them is below 4.5, the AA level of WCAG 2.2; disabled ones do not count. */
const WEAK = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = color
    canvas.fillRect(0, 0, 1, 1)
    return canvas.getImageData(0, 0, 1, 1).data
  }
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const behind = (node) => {
    for (let at = node; at !== null; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor)
      if (color[3] === 255) return color
    }
    return rgb('Canvas')
  }
  return [...document.querySelectorAll('main *')].filter((node) => {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim() !== '')) return false
    if (node.closest(':disabled') !== null) return false
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))]
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5
  }).map((node) => node.outerHTML)
})()`
