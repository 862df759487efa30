import { describe, expect, it } from 'vitest'
import { CHART_CSS } from './assets.ts'

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x)
  return (light + 0.05) / (dark + 0.05)
}

/** What lies over a ground, at an opacity. */
function over(top: string, ground: string, opacity: number): string {
  const part = (hex: string, at: number): number => Number.parseInt(hex.slice(at, at + 2), 16)
  const mix = [1, 3, 5].map((at) => Math.round(part(top, at) * opacity + part(ground, at) * (1 - opacity)))
  return `#${mix.map((value) => value.toString(16).padStart(2, '0')).join('')}`
}

const long = (hex: string): string => (hex.length === 4 ? hex.replaceAll(/[\da-f]/gi, '$&$&') : hex)

/** The colours of both schemes, read from the style that is shipped. */
function palettes(): Array<[scheme: string, color: (name: string) => string]> {
  return [...CHART_CSS.matchAll(/\.qt\{(--[^}]*)\}/g)].map(([, body = '']) => {
    const colors = new Map(
      [...body.matchAll(/--([\w-]+):\s*(#[\da-f]+)/gi)].map(([, name, hex]) => [name, hex]),
    )
    const scheme = /color-scheme:\s*(\w+)/.exec(body)?.[1] ?? ''
    return [scheme, (name) => long(colors.get(name) ?? `no colour ${name}`)]
  })
}

/** Text, and everything it stands on; also through the tint of the offending column and the hatch of a fault. */
const TEXTS: ReadonlyArray<readonly [text: string, grounds: readonly string[]]> = [
  ['ink', ['bg', 'panel', 'read', 'write', 'both', 'bad']],
  ['muted', ['bg', 'panel']],
  ['fault', ['fault-fill']],
  ['bad-ink', ['bad-edge']],
  ['bad-edge', ['bg']],
  ['write-edge', ['bg', 'panel']],
  ['ok', ['bg']],
]
const LINES = ['read-edge', 'write-edge', 'both-edge', 'bad-edge', 'faint', 'fault']

it('both schemes are there', () => {
  expect(palettes().map(([scheme]) => scheme)).toEqual(['light', 'dark'])
})

describe.each(palettes())('%s', (_scheme, color) => {
  it.each(TEXTS)('text in %s is readable: at least 4.5 to 1', (text, grounds) => {
    for (const ground of grounds)
      expect(contrast(color(text), color(ground)), ground).toBeGreaterThanOrEqual(4.5)
  })

  it('numbers of the order are readable on the tint and between the lines of a fault', () => {
    for (const ground of ['bg', 'panel']) {
      const tinted = over(color('bad-edge'), color(ground), 0.1)
      expect(contrast(color('muted'), tinted)).toBeGreaterThanOrEqual(4.5)
    }
  })

  it.each(LINES)('lines in %s can be seen: at least 3 to 1', (line) => {
    expect(contrast(color(line), color('bg'))).toBeGreaterThanOrEqual(3)
    expect(contrast(color(line), color('panel'))).toBeGreaterThanOrEqual(3)
  })
})
