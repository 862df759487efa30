/** First words of statements that would end the transaction, or begin another. Savepoints are the caller's. */
const NOT_YOURS =
  /^\s*(?:begin|start|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b))\b/i

/**
 * What is no statement: strings, quoted names, comments. A comment in a comment ends too early here, which can only
 * refuse too much.
 */
const SKIPPED =
  /(?<![\w$])e'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?<![\w$])(\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[\s\S]*?\1|--[^\r\n]*|\/\*[\s\S]*?\*\//gi

/** Does one of the statements in this text begin or end a transaction? */
export function steersTransaction(text: string): boolean {
  // Most texts are one statement with nothing in front.
  if (!/[;]|^\s*(?:--|\/\*)/.test(text)) return NOT_YOURS.test(text)
  let isBody = false
  for (const statement of text.replaceAll(SKIPPED, ' ').split(';')) {
    // The body of a function in SQL has statements of its own, and an END.
    if (isBody) {
      isBody = !/^\s*end\b/i.test(statement)
      continue
    }
    if (NOT_YOURS.test(statement)) return true
    isBody = /\bbegin\s+atomic\b/i.test(statement)
  }
  return false
}

/** May be anywhere, as in a DO block; a function that does it unseen is only lowered to what the session had. */
const SETTINGS = /synchronous_commit|set_config|\b(?:reset|discard)\s+all\b/i

/** A COMMIT that was cancelled while it waited for its standby tells it by a warning, and by nothing else. */
const HIDES_WARNINGS = /\bclient_min_messages\b/i

/** What the text of a statement says of it. */
export interface Look {
  /** Begins or ends a transaction. */
  readonly steers: boolean
  readonly hidesWarnings: boolean
  /** May change how the session commits. */
  readonly changesSettings: boolean
}

/** Most texts come again, with other values. */
const looks = new Map<string, Look>()
const MOST_LOOKS = 256
/** Longer ones come of a program that writes their values into them. */
const LONGEST = 1_000

export function lookAt(text: string): Look {
  const known = looks.get(text)
  if (known !== undefined) return known
  const look = {
    steers: steersTransaction(text),
    hidesWarnings: HIDES_WARNINGS.test(text),
    changesSettings: SETTINGS.test(text),
  }
  if (looks.size >= MOST_LOOKS) looks.clear()
  if (text.length <= LONGEST) looks.set(text, look)
  return look
}
