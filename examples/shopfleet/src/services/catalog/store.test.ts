import { expect, test } from 'vitest'
import { escapeLike } from './store.ts'

test('escapeLike() makes the signs of a pattern mean themselves', () => {
  expect(escapeLike('100%_\\')).toBe('100\\%\\_\\\\')
})
