import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { CheckResult, History } from '@quorate/checker'
import { renderTimeline } from '@quorate/checker/timeline'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  history,
  longHistory,
  operation,
  STALE_READ,
  STALE_READ_RESULT,
  violated,
  WRITE_SKEW,
  WRITE_SKEW_RESULT,
} from '../src/timeline/histories.test-helper.ts'
import { Chromium, findChromium, type Page } from './chromium.test-helper.ts'

const path = findChromium()

const FOCUSED = 'document.activeElement?.id'
const IN_SIGHT = `(() => {
  const bad = document.querySelector('.bad .bar').getBoundingClientRect()
  const view = document.querySelector('.view').getBoundingClientRect()
  return bad.left >= view.left && bad.right <= view.right && bad.top >= view.top && bad.bottom <= view.bottom
})()`
const zoom = async (page: Page): Promise<number> =>
  Number.parseInt(await page.evaluate("document.querySelector('#qt-zoom').textContent"), 10)

describe('the page of renderTimeline(), in Chromium', () => {
  let browser: Chromium | undefined
  let folder: string
  const open = async (what: History, result?: CheckResult, scripts = true): Promise<Page> => {
    const file = join(folder, 'timeline.html')
    await writeFile(file, renderTimeline(what, result))
    if (browser === undefined) throw new Error('Chromium was not started')
    return browser.open(pathToFileURL(file).href, { scripts })
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-timeline-'))
    if (path !== undefined) browser = await Chromium.start(path)
  })
  beforeEach((context) => {
    if (path === undefined) context.skip('optional: no Chromium in the PATH nor in CHROME_BIN')
  })
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  it('opens without a complaint, the offending operation in sight', async () => {
    const page = await open(STALE_READ, STALE_READ_RESULT)
    expect(page.complaints).toEqual([])
    expect(await page.evaluate(IN_SIGHT)).toBe(true)
    expect(await page.evaluate("document.querySelector('aside h2').textContent")).toBe('#8 read → 1')
  })

  it('has it in sight among 1,000 operations as well', async () => {
    const violations = [{ name: 'not-linearizable', message: '#613', operations: [613] }]
    const page = await open(longHistory(1_000, 20), violated('linearizable register', { violations }))
    expect(page.complaints).toEqual([])
    expect(await page.evaluate(IN_SIGHT)).toBe(true)
  })

  it('is walked with Tab, the arrow keys, n and p', async () => {
    const page = await open(STALE_READ, STALE_READ_RESULT)
    await page.evaluate('document.querySelector(\'[data-press="?"]\').focus()')
    for (let tabs = 0; tabs < 5 && (await page.evaluate<string>(FOCUSED)) !== 'op-8'; tabs++)
      await page.press('Tab')
    expect(await page.evaluate(FOCUSED)).toBe('op-8')
    const walk = async (key: string): Promise<string> => {
      await page.press(key)
      return page.evaluate<string>(FOCUSED)
    }
    expect(await walk('ArrowDown')).toBe('op-9')
    expect(await walk('ArrowLeft')).toBe('op-7')
    expect(await walk('n')).toBe('op-8')
    expect(await walk('p')).toBe('op-4')
    expect(await walk('p')).toBe('op-2')
    expect(await page.evaluate("document.querySelector('aside h2').textContent")).toBe('#2 write 2')
  })

  it('zooms with + - 0 and keeps what has the focus', async () => {
    const page = await open(STALE_READ, STALE_READ_RESULT)
    await page.press('n')
    const [before, focused] = [await zoom(page), await page.evaluate(FOCUSED)]
    await page.press('+', '+')
    expect(await zoom(page)).toBeGreaterThan(before * 1.4)
    expect(await page.evaluate(FOCUSED)).toBe(focused)
    await page.press('-', '-', '-')
    expect(await zoom(page)).toBeLessThan(before)
    await page.press('0')
    expect(await zoom(page)).toBe(before)
  })

  it('filters by key, and f leads there', async () => {
    const page = await open(longHistory(200, 4, 8))
    const count = "document.querySelectorAll('.op').length"
    await page.press('f')
    expect(await page.evaluate(FOCUSED)).toBe('qt-key')
    await page.evaluate(
      "{ const e = document.querySelector('#qt-key'); e.value = '3'; e.dispatchEvent(new Event('change')) }",
    )
    expect(await page.evaluate(`document.querySelectorAll('.chart .op').length`)).toBe(25)
    expect(await page.evaluate("document.querySelector('#qt-only').innerText")).toBe('Shows only key k3.')
    await page.evaluate(
      "{ const e = document.querySelector('#qt-key'); e.value = '-1'; e.dispatchEvent(new Event('change')) }",
    )
    expect(await page.evaluate<number>(count)).toBeGreaterThanOrEqual(200)
  })

  it('changes the axis, and back, without moving an operation to another lane', async () => {
    const page = await open(STALE_READ, STALE_READ_RESULT)
    const ys = "[...document.querySelectorAll('.chart .bar')].map((bar) => bar.getAttribute('y')).join()"
    const xs = ys.replace("'y'", "'x'")
    const [lanes, places] = [await page.evaluate(ys), await page.evaluate(xs)]
    const choose = async (value: string): Promise<void> =>
      page.evaluate(
        `{ const e = document.querySelector('#qt-axis'); e.value = '${value}'; e.dispatchEvent(new Event('change')) }`,
      )
    await choose('ms')
    expect(await page.evaluate(ys)).toBe(lanes)
    expect(await page.evaluate(xs)).not.toBe(places)
    await choose('order')
    expect(await page.evaluate(xs)).toBe(places)
  })

  it('shows and hides its help', async () => {
    const page = await open(WRITE_SKEW, WRITE_SKEW_RESULT)
    await page.press('?')
    expect(await page.evaluate("document.querySelector('dialog').open")).toBe(true)
    await page.press('Escape')
    expect(await page.evaluate("document.querySelector('dialog').open")).toBe(false)
  })

  it('shows the other finding when it is opened', async () => {
    const [first] = WRITE_SKEW_RESULT.violations
    const page = await open(WRITE_SKEW, {
      ...WRITE_SKEW_RESULT,
      violations: [first!, { name: 'lost-update', message: 'made up', operations: [3, 0] }],
    })
    await page.evaluate("document.querySelectorAll('summary')[1].click()")
    await expect.poll(async () => page.evaluate("document.querySelector('.op.bad').id")).toBe('op-3')
    expect(await page.evaluate("document.querySelectorAll('.edge').length")).toBe(0)
  })

  it('lets hostile values do nothing', async () => {
    const evil = `</script><script>window.pwned=1</script>"'><img src=x onerror=window.pwned=2>`
    const operations = [
      operation(0, evil, evil, [0, 1], { key: evil, input: evil }),
      operation(1, 'b', 'read', [2, 3], { key: 'k', output: evil }),
    ]
    const faults = [{ name: evil, targets: [evil], start: 0, end: 3 }]
    const violations = [
      {
        name: evil,
        message: evil,
        operations: [0, 1],
        edges: [{ from: 0, to: 1, kind: evil as 'ww', because: evil }],
      },
    ]
    const page = await open(history(operations, faults, { name: evil }), violated(evil, { violations }))
    await page.press('n', '+')
    expect(page.complaints).toEqual([])
    expect(await page.evaluate("String(window.pwned) + document.querySelectorAll('img').length")).toBe(
      'undefined0',
    )
    expect(await page.evaluate("document.querySelector('aside').textContent")).toContain('<img src=x')
  })

  it('is a still picture without scripts', async () => {
    const page = await open(STALE_READ, STALE_READ_RESULT, false)
    expect(page.complaints).toEqual([])
    expect(await page.evaluate("document.querySelectorAll('.view .op').length")).toBe(10)
    expect(await page.evaluate("getComputedStyle(document.querySelector('.tools')).display")).toBe('none')
  })

  it('leads to the offending operation by a link, without scripts', async () => {
    const violations = [{ name: 'not-linearizable', message: '#613 has no place', operations: [613] }]
    const page = await open(longHistory(1_000, 20), violated('linearizable register', { violations }), false)
    const left = "document.querySelector('.bad .bar').getBoundingClientRect().left"
    expect(await page.evaluate<number>(left)).toBeGreaterThan(1_200)
    await page.evaluate("document.querySelector('.what a').click()")
    await expect.poll(async () => page.evaluate<number>(left)).toBeLessThan(1_200)
  })
})
