/**
 * - `word`: a keyword or a name, in lower case.
 * - `quoted`: a name in double quotes, as it is written between them.
 * - `other`: one sign, number or literal.
 * - `unclear`: the text ends inside of something, or means one thing or another depending on a setting.
 */
export type SqlTokenKind = 'word' | 'quoted' | 'other' | 'unclear' | 'end'

const WORD = /[a-z_\u0080-\uFFFF][\w$\u0080-\uFFFF]*/iy
const DOLLAR_QUOTE = /\$(?:[a-z_\u0080-\uFFFF][\w\u0080-\uFFFF]*)?\$/iy
const SPACE = /\s+/y
const TO_END_OF_LINE = /[^\r\n]*/y

/**
 * Splits SQL of Postgres into tokens, past comments, and with literals closed as the server closes them
 * (PostgreSQL documentation, section 4.1, "Lexical Structure"). Each sign is looked at once.
 */
export class SqlScanner {
  readonly #sql: string
  #at = 0
  /** Of the last token. */
  text = ''

  constructor(sql: string) {
    this.#sql = sql
  }

  next(): SqlTokenKind {
    if (!this.#skipSpace()) return 'unclear'
    const sql = this.#sql
    const char = sql[this.#at]
    if (char === undefined) return 'end'
    if (char === "'") return this.#literal()
    if (char === '"') return this.#quotedName()
    if (char === '$') {
      const tag = this.#match(DOLLAR_QUOTE)
      if (tag !== undefined) return this.#endAfter(tag)
    }
    const word = this.#match(WORD)
    if (word !== undefined) return this.#word(word)
    return this.#sign(char)
  }

  #sign(char: string): SqlTokenKind {
    this.#at++
    this.text = char
    return 'other'
  }

  #word(word: string): SqlTokenKind {
    const follows = this.#sql[this.#at]
    if (follows === "'" && (word === 'e' || word === 'E')) return this.#escapedLiteral()
    // Names and literals with Unicode escapes (U&"…") may spell anything.
    if (follows === '&' && (word === 'u' || word === 'U') && /["']/.test(this.#sql[this.#at + 1] ?? '')) {
      return 'unclear'
    }
    this.text = word.toLowerCase()
    return 'word'
  }

  /** @returns false if a comment does not end. */
  #skipSpace(): boolean {
    for (;;) {
      this.#match(SPACE)
      if (this.#isAt('--')) this.#match(TO_END_OF_LINE)
      else if (!this.#isAt('/*')) return true
      else if (!this.#skipComment()) return false
    }
  }

  /** Comments nest. */
  #skipComment(): boolean {
    let depth = 0
    while (this.#at < this.#sql.length) {
      if (this.#isAt('/*')) {
        depth++
        this.#at += 2
      } else if (this.#isAt('*/')) {
        depth--
        this.#at += 2
        if (depth === 0) return true
      } else this.#at++
    }
    return false
  }

  /** A backslash before a quote escapes it or does not, by `standard_conforming_strings`. */
  #literal(): SqlTokenKind {
    const sql = this.#sql
    let from = this.#at + 1
    for (;;) {
      const end = sql.indexOf("'", from)
      if (end === -1 || (end > this.#at + 1 && sql[end - 1] === '\\')) return 'unclear'
      if (sql[end + 1] !== "'") return this.#literalEnds(end + 1)
      from = end + 2
    }
  }

  #escapedLiteral(): SqlTokenKind {
    const sql = this.#sql
    let at = this.#at + 1
    while (at < sql.length) {
      if (sql[at] === '\\') at += 2
      else if (sql[at] !== "'") at++
      else if (sql[at + 1] === "'") at += 2
      else return this.#literalEnds(at + 1)
    }
    return 'unclear'
  }

  #quotedName(): SqlTokenKind {
    const sql = this.#sql
    const start = this.#at + 1
    let from = start
    for (;;) {
      const end = sql.indexOf('"', from)
      if (end === -1) return 'unclear'
      if (sql[end + 1] !== '"') {
        this.#at = end + 1
        this.text = sql.slice(start, end).replaceAll('""', '"')
        return 'quoted'
      }
      from = end + 2
    }
  }

  #endAfter(tag: string): SqlTokenKind {
    const end = this.#sql.indexOf(tag, this.#at)
    return end === -1 ? 'unclear' : this.#literalEnds(end + tag.length)
  }

  /** A literal, that ends here. */
  #literalEnds(end: number): SqlTokenKind {
    this.#at = end
    this.text = ''
    return 'other'
  }

  #isAt(signs: '--' | '/*' | '*/'): boolean {
    return this.#sql.startsWith(signs, this.#at)
  }

  /** Steps over what matches here. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const text = pattern.exec(this.#sql)?.[0]
    if (text !== undefined) this.#at += text.length
    return text
  }
}
