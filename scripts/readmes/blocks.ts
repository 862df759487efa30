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

/** A program and what it prints. */
export interface Program {
  readonly code: string
  readonly output: string
}

/** The first `ts` block, if what it prints is shown right after it, in a block of no language or `text`. */
export function firstProgram(markdown: string): Program | undefined {
  const blocks = codeBlocks(markdown)
  const first = blocks.findIndex(({ language }) => language === 'ts')
  const [program, shown] = first === -1 ? [] : blocks.slice(first)
  if (program === undefined || shown === undefined || !['', 'text', 'txt'].includes(shown.language))
    return undefined
  const end = program.line + program.code.split('\n').length
  return shown.line - end <= 4 ? { code: program.code, output: shown.code } : undefined
}
