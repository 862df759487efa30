import { valueKey } from '../value.ts'
import { putField } from './fields.ts'
import { integerOf } from './numbers.ts'
import { excerpt, type Source } from './source.ts'

const codesOf = (text: string): ReadonlySet<number> => new Set(text.split('').map((one) => one.charCodeAt(0)))
/** What ends a token. A comma is white space in EDN. */
const DELIMITERS = codesOf(' \t\r\n\f\v,()[]{}";')
const NAMED_CHARACTERS: ReadonlyMap<string, string> = new Map([
  ['newline', '\n'],
  ['space', ' '],
  ['tab', '\t'],
  ['return', '\r'],
  ['backspace', '\b'],
  ['formfeed', '\f'],
])
/** Longest text of a key that is itself a collection. Maps as keys of maps double their escapes at every level. */
const MAX_KEY_LENGTH = 10_000
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  '"': '"',
  '\\': '\\',
}

/**
 * Reads EDN (github.com/edn-format/edn) and what Clojure prints beyond it, one form at a time.
 *
 * Keywords, symbols and characters become strings (`:x` is `'x'`, `:a/b` is `'a/b'`), vectors and lists arrays,
 * sets arrays in a fixed order, maps objects with the keys as text, tagged literals and records what they tag.
 * Whole numbers that a `number` cannot hold exactly become `bigint`.
 */
export class EdnReader {
  /** Of the next character to be read, from 1. */
  line: number
  #at: number
  #depth = 0
  readonly #source: Source
  readonly #text: string
  readonly #end: number

  constructor(source: Source, from = 0, line = 1, to: number = source.text.length) {
    this.#source = source
    this.#text = source.text
    this.#at = from
    this.#end = to
    this.line = line
  }

  /** The next character after white space, comments and discarded forms; `undefined` at the end. */
  peek(): string | undefined {
    this.#skip()
    return this.#at < this.#end ? this.#text[this.#at] : undefined
  }

  /** Steps over one character that `peek` has shown. */
  advance(): void {
    this.#at++
  }

  /** One form. */
  read(): unknown {
    this.#skip()
    if (this.#at >= this.#end) this.#fail('it ends where a value is expected; is it cut off?')
    this.#source.countValue(this.line)
    const character = this.#text.charCodeAt(this.#at)
    switch (character) {
      case 0x22: // "
        return this.#string()
      case 0x3a: // :
        return this.#keyword()
      case 0x5b: // [
        return this.#items(']')
      case 0x28: // (
        return this.#items(')')
      case 0x7b: // {
        return this.#map('')
      case 0x23: // #
        return this.#dispatch()
      case 0x5c: // \
        return this.#character()
      case 0x5e: // ^meta form: the meta data says nothing about what happened
        this.#at++
        this.#nested(() => this.read())
        return this.#nested(() => this.read())
      case 0x29:
      case 0x5d:
      case 0x7d:
        return this.#fail(`"${this.#text[this.#at]}" closes nothing`)
      default:
        return this.#atom()
    }
  }

  #skip(): void {
    const text = this.#text
    while (this.#at < this.#end) {
      const character = text.charCodeAt(this.#at)
      if (character === 0x0a) this.line++
      else if (character === 0x3b) {
        const next = text.indexOf('\n', this.#at)
        this.#at = next === -1 ? this.#end : Math.min(next, this.#end)
        continue
      } else if (character === 0x23 && text.charCodeAt(this.#at + 1) === 0x5f && this.#at + 1 < this.#end) {
        this.#at += 2 // `#_`: the next form is not there
        this.#nested(() => this.read())
        continue
      } else if (!(character <= 0x20 || character === 0x2c || character === 0xa0)) return
      this.#at++
    }
  }

  #items(close: string): unknown[] {
    const opened = this.line
    this.#at++
    const items: unknown[] = []
    this.#enter()
    while (!this.#closes(close, opened)) items.push(this.read())
    this.#depth--
    return items
  }

  #map(namespace: string): Record<string, unknown> {
    const opened = this.line
    this.#at++
    const map: Record<string, unknown> = {}
    this.#enter()
    while (!this.#closes('}', opened)) {
      const isKeyword = this.#text.charCodeAt(this.#at) === 0x3a
      const key = this.read()
      let name = typeof key === 'string' ? key : this.#nameOf(key)
      if (isKeyword && namespace !== '' && !name.includes('/')) name = `${namespace}/${name}`
      if (this.#closes('}', opened)) this.#fail(`the key ${excerpt(name)} has no value`)
      putField(map, name, this.read(), (reason) => this.#fail(reason))
    }
    this.#depth--
    return map
  }

  #nameOf(key: unknown): string {
    const name = valueKey(key)
    if (name.length > MAX_KEY_LENGTH) this.#fail(`a collection too large to be a key: ${excerpt(name)}`)
    return name
  }

  /** Skips to what comes next; steps over `close` if it is that. */
  #closes(close: string, opened: number): boolean {
    this.#skip()
    if (this.#at >= this.#end)
      this.#fail(`it ends before the "${close}" of what line ${opened} opens; is it cut off?`)
    if (this.#text[this.#at] === close) {
      this.#at++
      return true
    }
    return false
  }

  #dispatch(): unknown {
    const next = this.#text[this.#at + 1]
    if (next === '{') {
      this.#at++
      return inFixedOrder(this.#items('}'))
    }
    if (next === '"') {
      this.#at++ // a regular expression
      return this.#string()
    }
    if (next === '#') return this.#fail(`a number out of range: ${this.#token()}`)
    this.#at++
    const tag = this.#token()
    if (tag === '') this.#fail('"#" without a tag')
    if (tag.startsWith(':') && this.peek() === '{') return this.#map(tag.slice(1))
    return this.#nested(() => this.read())
  }

  #nested<T>(read: () => T): T {
    this.#enter()
    const value = read()
    this.#depth--
    return value
  }

  #enter(): void {
    if (++this.#depth > this.#source.limits.maxDepth)
      this.#fail(`nested more than ${this.#source.limits.maxDepth} deep (maxDepth)`)
  }

  #string(): string {
    const opened = this.line
    const from = ++this.#at
    let text = ''
    let copied = from
    for (; this.#at < this.#end; this.#at++) {
      const character = this.#text.charCodeAt(this.#at)
      if (character === 0x22) {
        text += this.#text.slice(copied, this.#at++)
        return text
      }
      if (character === 0x0a) this.line++
      else if (character === 0x5c) {
        text += this.#text.slice(copied, this.#at++) + this.#escape()
        copied = this.#at + 1
      }
    }
    return this.#fail(`it ends within the string that line ${opened} opens; is it cut off?`)
  }

  /** The character that the escape at hand stands for; stays on its last character. */
  #escape(): string {
    const letter = this.#text[this.#at] ?? ''
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at + 1, this.#at + 5)
      if (!/^[\da-f]{4}$/i.test(digits)) this.#fail(`\\u${digits} is no character`)
      this.#at += 4
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    const plain = ESCAPES[letter]
    // Regular expressions have escapes of their own; they are kept as they are.
    return plain ?? `\\${letter}`
  }

  #character(): string {
    const first = this.#text[++this.#at] ?? this.#fail('it ends within a character; is it cut off?')
    this.#at++
    const name = first + this.#token()
    if (name.length === 1) return name
    const named = NAMED_CHARACTERS.get(name)
    if (named !== undefined) return named
    if (/^u[\da-f]{4}$/i.test(name)) return String.fromCharCode(Number.parseInt(name.slice(1), 16))
    if (/^o[0-3]?[0-7]{1,2}$/.test(name)) return String.fromCharCode(Number.parseInt(name.slice(1), 8))
    return this.#fail(`\\${name} is no character`)
  }

  #keyword(): string {
    this.#at++
    const name = this.#token()
    if (name === '') this.#fail('":" without a name')
    return name
  }

  #token(): string {
    const from = this.#at
    while (this.#at < this.#end && !DELIMITERS.has(this.#text.charCodeAt(this.#at))) this.#at++
    return this.#text.slice(from, this.#at)
  }

  #atom(): unknown {
    const first = this.#text.charCodeAt(this.#at)
    const isDigit = first >= 0x30 && first <= 0x39
    const token = this.#token()
    if (isDigit || ((first === 0x2d || first === 0x2b) && /^[-+]\d/.test(token))) return this.#number(token)
    if (token === 'nil') return null
    if (token === 'true') return true
    if (token === 'false') return false
    if (/^[\w*!?$%&=<>|+./'-][^\s@`~^\\]*$/.test(token)) return token // a symbol
    return this.#fail(`${excerpt(token)} is no EDN`)
  }

  #number(token: string): unknown {
    if (/^[-+]?\d+N?$/.test(token))
      return integerOf(token.endsWith('N') ? token.slice(0, -1) : token, (reason) => this.#fail(reason))
    if (/^[-+]?\d+\/\d+$/.test(token)) return token // a ratio: exact only as text
    if (!/^[-+]?\d+(\.\d*)?(e[-+]?\d+)?M?$/i.test(token)) this.#fail(`${excerpt(token)} is no number`)
    const value = Number.parseFloat(token)
    if (!Number.isFinite(value)) this.#fail(`a number out of range: ${excerpt(token)}`)
    return value
  }

  #fail(reason: string): never {
    return this.#source.fail(this.line, reason)
  }
}

/** Sets that hold the same must come out the same, whatever order they were printed in. */
function inFixedOrder(items: readonly unknown[]): unknown[] {
  return items
    .map((item) => ({ item, text: valueKey(item) }))
    .toSorted((a, b) => {
      if (typeof a.item === 'number' && typeof b.item === 'number') return a.item - b.item
      return a.text < b.text ? -1 : a.text > b.text ? 1 : 0
    })
    .map(({ item }) => item)
}
