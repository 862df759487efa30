import { putField } from './fields.ts'
import { integerOf } from './numbers.ts'
import { excerpt, type Source } from './source.ts'

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y
/** Brackets around an operation in any of the formats: `{ "sessions": [[{`. */
const OPERATIONS_WITHIN = 3
/** More a `Map` cannot hold. */
const MAP_CAPACITY = 2 ** 24 - 1

/**
 * Reads JSON (RFC 8259), one value after the other, so that JSON lines work as well. Unlike `JSON.parse` it knows
 * the lines, bounds the depth, keeps large whole numbers exactly (as `bigint`) and refuses `__proto__`.
 */
export class JsonReader {
  /**
   * Lines on which objects began that are elements of an array or stand alone: no deeper than operations are, and
   * no more than there can be events. Objects within values have none.
   */
  readonly lineOf: Map<object, number> = new Map()
  #line = 1
  #at = 0
  #depth = 0
  readonly #source: Source
  readonly #text: string
  readonly #mostLines: number

  constructor(source: Source) {
    this.#source = source
    this.#mostLines = Math.min(4 * source.limits.maxOperations, MAP_CAPACITY)
    this.#text = source.text
  }

  get atEnd(): boolean {
    this.#skip()
    return this.#at >= this.#text.length
  }

  read(): unknown {
    this.#skip()
    const line = this.#line
    const value = this.#value()
    if (typeof value === 'object' && value !== null) this.#noteLine(value, line)
    return value
  }

  #noteLine(value: object, line: number): void {
    if (this.#depth <= OPERATIONS_WITHIN && this.lineOf.size < this.#mostLines) this.lineOf.set(value, line)
  }

  #value(): unknown {
    this.#source.countValue(this.#line)
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      case undefined:
        return this.#fail('it ends where a value is expected; is it cut off?')
      default:
        return this.#number()
    }
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    this.#elements('}', () => {
      if (this.#text[this.#at] !== '"') this.#unexpected('a key')
      const name = this.#string()
      this.#skip()
      if (this.#text[this.#at] !== ':') this.#unexpected('":"')
      this.#at++
      this.#skip()
      putField(object, name, this.#value(), (reason) => this.#fail(reason))
    })
    return object
  }

  #array(): unknown[] {
    const array: unknown[] = []
    this.#elements(']', () => {
      const line = this.#line
      const value = this.#value()
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) this.#noteLine(value, line)
      array.push(value)
    })
    return array
  }

  /** What stands between the bracket at hand and `close`, with commas. */
  #elements(close: string, readOne: () => void): void {
    if (++this.#depth > this.#source.limits.maxDepth)
      this.#fail(`nested more than ${this.#source.limits.maxDepth} deep (maxDepth)`)
    this.#at++
    this.#skip()
    if (this.#text[this.#at] === close) this.#at++
    else
      for (;;) {
        readOne()
        this.#skip()
        const next = this.#text[this.#at]
        if (next !== ',' && next !== close) this.#unexpected(`"," or "${close}"`)
        this.#at++
        if (next === close) break
        this.#skip()
      }
    this.#depth--
  }

  #string(): string {
    // Most strings are short and plain; `JSON.parse` is for those with escapes.
    const end = this.#text.indexOf('"', this.#at + 1)
    if (end !== -1 && end - this.#at < 64) {
      const plain = this.#text.slice(this.#at + 1, end)
      if (isPlain(plain)) {
        this.#at = end + 1
        return plain
      }
    }
    let closing = this.#at + 1
    for (let one = ''; (one = this.#text[closing] ?? ''), one !== '"' && one !== ''; closing++)
      if (one === '\\') closing++
    const found = this.#text.slice(this.#at, closing + 1)
    this.#at = closing + 1
    try {
      return JSON.parse(found) as string
    } catch {
      return this.#fail(`a string that does not end, or not as JSON wants it: ${excerpt(found)}`)
    }
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#at
    const found = NUMBER.exec(this.#text)?.[0]
    if (found === undefined) return this.#unexpected('a value')
    this.#at += found.length
    if (!/[.eE]/.test(found)) return integerOf(found, (reason) => this.#fail(reason))
    const value = Number(found)
    if (!Number.isFinite(value)) this.#fail(`a number out of range: ${excerpt(found)}`)
    return value
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#unexpected('a value')
    this.#at += word.length
    return value
  }

  #skip(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text.charCodeAt(this.#at)
      if (character === 0x0a) this.#line++
      else if (character !== 0x20 && character !== 0x0d && character !== 0x09) return
    }
  }

  #unexpected(wanted: string): never {
    const found = this.#text.slice(this.#at, this.#at + 20)
    return this.#fail(
      found === ''
        ? `it ends where ${wanted} is expected; is it cut off?`
        : `${excerpt(found)} where ${wanted} is expected`,
    )
  }

  #fail(reason: string): never {
    return this.#source.fail(this.#line, reason)
  }
}

/** Neither an escape nor a control character, which JSON forbids. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    if (character < 0x20 || character === 0x5c) return false
  }
  return true
}
