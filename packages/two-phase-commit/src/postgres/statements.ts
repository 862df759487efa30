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
