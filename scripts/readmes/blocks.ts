/** A fenced block of a Markdown file. */
export interface Block {
  /** First word after the fence: `ts`, `sh`, or '' for none. */
  readonly language: string
  readonly code: string
  /** Line of the first line of code, from 1. */
  readonly line: number
}

/** Every fenced code block of a Markdown text, in order. */
export function codeBlocks(markdown: string): Block[] {
  const blocks: Block[] = []
  let open: { fence: string; language: string; line: number; code: string[] } | undefined
  markdown.split('\n').forEach((text, index) => {
    const [, fence = '', info = ''] = /^ {0,3}(`{3,}|~{3,})\s*(.*)$/.exec(text) ?? []
    if (open === undefined) {
      if (fence !== '') open = { fence, language: info.split(/\s/)[0] ?? '', line: index + 2, code: [] }
    } else if (fence.startsWith(open.fence) && info === '') {
      blocks.push({ language: open.language, code: `${open.code.join('\n')}\n`, line: open.line })
      open = undefined
    } else {
      open.code.push(text)
    }
  })
  return blocks
}
