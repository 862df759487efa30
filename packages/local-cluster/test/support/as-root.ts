// oxlint-disable vitest/valid-title, vitest/expect-expect, vitest/no-conditional-tests -- it makes tests, it is none
import { it } from 'vitest'

/**
 * A test of what concerns root alone: whose servers run under another account. For anybody else there is
 * nothing to test, and nothing skipped; run the suite as both.
 */
export function itAsRoot(title: string, body: () => Promise<void>): void {
  if (process.geteuid?.() === 0) it(title, body)
}
