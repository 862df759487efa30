import fc from 'fast-check'
import { expect, it } from 'vitest'
import { escapeJson, escapeText } from './escape.ts'

it('escapeText() leaves nothing that ends a text, an attribute or a document', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      // oxlint-disable-next-line no-control-regex -- these are what XML forbids
      expect(escapeText(text)).not.toMatch(/[<>"'\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/)
      expect(escapeText(text).replaceAll(/&(?:amp|lt|gt|quot|#39);/g, '')).not.toContain('&')
      expect(/\p{Cs}/u.test(escapeText(text))).toBe(false)
    }),
  )
})

it('escapeText() shows what would turn the direction of the text', () => {
  expect(escapeText('a\u202eb\u2066')).toBe('a\ufffdb\ufffd')
})

it('escapeJson() survives the round trip and cannot close its element', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const json = escapeJson({ text: `${text}</script><!--` })
      expect(json).not.toMatch(/[<>\u2028\u2029]/)
      expect(JSON.parse(json)).toEqual({ text: `${text}</script><!--` })
    }),
  )
})
