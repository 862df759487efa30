/**
 * What the error of a command says about the server: `wrote` if it takes no writes, `lost` if it or the way to
 * it is gone, `undefined` if the command would fail anywhere.
 */
export function commandFailure(error: unknown): 'wrote' | 'lost' | undefined {
  const { name, message } = error instanceof Error ? error : { name: '', message: '' }
  // All that is no reply comes from the driver: closed, timed out, given up.
  if (name !== 'ReplyError') return 'lost'
  // In a script of older servers it is in the middle of the text.
  if (/\bREADONLY\b/.test(message)) return 'wrote'
  return /^(LOADING|MASTERDOWN) /.test(message) ? 'lost' : undefined
}

/** This account may not ask for what is needed. */
export function isDenied(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOPERM')
}
