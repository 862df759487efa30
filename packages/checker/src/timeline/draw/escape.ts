const NAMES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

// What XML forbids, halves of characters, and what turns the direction of the text around it.
const UNFIT = /[^\P{Cc}\t\n\r]|\p{Cs}|[\ufffe\uffff\u202a-\u202e\u2066-\u2069]/gu

/** A text as content or quoted attribute of HTML and of XML. */
export function escapeText(text: string): string {
  return text.replace(UNFIT, '\ufffd').replace(/[&<>"']/g, (character) => NAMES[character] ?? character)
}

/** A value as JSON inside `<script type="application/json">`, which nothing in it can close. */
export function escapeJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
