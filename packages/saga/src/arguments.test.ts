import { expect, test } from 'vitest'
import { saga } from './index.ts'

test.each(['step', 'tx'] as const)('.%s refuses options that could not work, and names them', (kind) => {
  const run = (): number => 1
  const refused = (options: object, message: RegExp): void => {
    // From JavaScript, or through a cast: options the types refuse.
    const add = (): unknown => saga('order', { version: 1 })[kind]({ name: 'pay', run, ...options } as never)
    expect(add).toThrow(TypeError)
    expect(add).toThrow(message)
  }
  refused({ run: undefined }, /saga order: run of step pay must be a function, got undefined/)
  refused({ compensate: 1 }, /compensate of step pay must be a function/)
  refused({ compensation: run }, /step pay has no option compensation; known: .*compensate/)
  refused({ retry: 3 }, /retry of step pay must be an object/)
  refused({ retry: { maxAttempts: 3 } }, /retry of step pay has no option maxAttempts; known: attempts/)
})
