import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { draw } from './draw.ts'
import { STORIES } from './stories.ts'
import { Story } from './story.ts'

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'explanation')

describe.each(Object.entries(STORIES))('%s', (name, story) => {
  test('the picture is what the library does (else: node --conditions=@quorate/source docs/lib/merge-pictures/write.ts)', () => {
    expect(readFileSync(join(folder, 'merge', `${name}.svg`), 'utf8')).toBe(draw(story()))
  })

  test('the page shows it', () => {
    expect(readFileSync(join(folder, 'merge.md'), 'utf8')).toContain(`](./merge/${name}.svg)`)
  })
})

test('no picture is left over', () => {
  expect(readdirSync(join(folder, 'merge')).toSorted()).toEqual(
    Object.keys(STORIES)
      .map((name) => `${name}.svg`)
      .toSorted(),
  )
})

test('draw() puts what is concurrent below each other and what is told to the right', () => {
  const story = new Story('two', ['a', 'b'])
  const first = story.step('a', 'edit', 'x < 1')
  story.step('b', 'edit', 'y')
  story.step('b', 'merge', 'x y', { from: first })
  const svg = draw(story)
  const boxes = [...svg.matchAll(/<rect x="([\d.]+)"/g)].map(([, x]) => Number(x))
  expect(boxes[0]).toBe(boxes[1])
  expect(boxes[2]).toBeGreaterThan(boxes[0] as number)
  expect(svg).toContain('x &lt; 1')
  expect(svg.match(/<path d="M[^"]*C/g)).toHaveLength(1)
  expect(() => story.step('c', '', '')).toThrow('no lane c')
})
