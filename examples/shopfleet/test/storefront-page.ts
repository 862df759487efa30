/** The storefront as a person meets it: by roles and labels, never by class names. */
import type { BrowserContext, Locator, Page } from 'playwright-core'

export type DeviceName = 'phone' | 'laptop'

export class Storefront {
  readonly page: Page

  private constructor(page: Page) {
    this.page = page
  }

  /** Opens the page as this user in a tab of this browser. */
  static async open(context: BrowserContext, url: string, user: string): Promise<Storefront> {
    const page = await context.newPage()
    page.setDefaultTimeout(10_000)
    await page.addInitScript(`localStorage.setItem('user', ${JSON.stringify(user)})`)
    await page.goto(url)
    await page
      .getByRole('button', { name: / on the phone$|^Go on here$/ })
      .first()
      .waitFor()
    return new Storefront(page)
  }

  add(device: DeviceName, product: string): Promise<void> {
    return this.page.getByRole('button', { name: `Add ${product} on the ${device}` }).click()
  }

  online(device: DeviceName): Locator {
    return this.page.getByRole('switch', { name: `${device} online` })
  }

  panel(device: DeviceName): Locator {
    return this.page.getByRole('region', { name: device === 'phone' ? 'Phone' : 'Laptop' })
  }

  status(device: DeviceName): Promise<string> {
    return this.panel(device).getByRole('status').innerText()
  }

  /** The lines a device shows: `1 Television`, without those that are struck out. */
  async cart(device: DeviceName): Promise<string[]> {
    const lines = this.page.getByRole('list', { name: `Cart on the ${device}` }).getByRole('listitem')
    // In one step: a line that is gone by the time it is read would be waited for.
    const texts = await lines.allInnerTexts()
    return texts.flatMap((text) => {
      const [name, ...rest] = text.split('\n').map((part) => part.trim())
      const quantity = rest.find((part) => /^\d+$/.test(part))
      return quantity === undefined ? [] : [`${quantity} ${name?.replace(/ [+−]\d+ waits$/, '')}`]
    })
  }
}
