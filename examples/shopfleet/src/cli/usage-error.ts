/** Something the person at the keyboard can put right: printed as one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
