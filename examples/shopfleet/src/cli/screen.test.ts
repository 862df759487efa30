import { expect, test } from 'vitest'
import { Screen } from './screen.ts'

const recorder = (isTTY: boolean, columns?: number): { out: NodeJS.WriteStream; text: () => string } => {
  let written = ''
  const out = {
    isTTY,
    columns,
    write: (chunk: string) => ((written += chunk), true),
  } as unknown as NodeJS.WriteStream
  return { out, text: () => written }
}

test('progress() shows rate and time left, and draws no more than a line every two seconds into a file', () => {
  const { out, text } = recorder(false)
  let nowMs = 0
  const screen = new Screen(out, () => nowMs)
  for (let done = 0; done <= 100; done++) {
    screen.progress('orders', done, 100)
    nowMs += 100
  }
  const lines = text().trim().split('\n')
  expect(lines).toHaveLength(6)
  expect(lines[1]).toContain('20/100')
  expect(lines[1]).toContain('10/s')
  expect(lines[1]).toContain('8 s left')
  expect(lines.at(-1)).toContain('100/100')
})

test('print() on a terminal wipes the bar first', () => {
  const { out, text } = recorder(true)
  const screen = new Screen(out, () => 0)
  screen.progress('orders', 1, 10)
  screen.print('hello')
  expect(text()).toContain('1/10')
  expect(text().endsWith('\r\u001B[2Khello\n')).toBe(true)
})

test.each([
  [0, 'catalogue, stock, customers ██░░░░░░░░░░░░░░░░░░░░░░ 10/100  10/s  9 s left'],
  [100, 'catalogue, stock, customers ██░░░░░░░░░░░░░░░░░░░░░░ 10/100  10/s  9 s left'],
  [70, 'catalogue, stock, customers ██░░░░░░░░░░░░░░░░░░░░░░ 10/100'],
  [40, 'catalogue, stock, customers 10/100'],
  [20, 'catalogue, stock, c'],
])('a terminal of %i columns is not overrun, or the bar could not be drawn again', (columns, expected) => {
  const { out, text } = recorder(true, columns)
  let nowMs = 0
  const screen = new Screen(out, () => nowMs)
  screen.progress('catalogue, stock, customers', 0, 100)
  nowMs = 1_000
  screen.progress('catalogue, stock, customers', 10, 100)
  expect(text().split('\r\u001B[2K').at(-1)).toBe(expected)
})
