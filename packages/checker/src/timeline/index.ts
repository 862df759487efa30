/**
 * A history and what a check found in it, as one HTML page.
 * @packageDocumentation
 */
export type { CheckResult } from '../result.ts'
