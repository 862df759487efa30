// The parts of README.md and ARCHITECTURE.md that are made from the package.json files.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { documentedPackages } from './packages.ts'

/** Which file has which generated part. */
export const PLACES = [
  { file: 'README.md', part: 'packages', text: packageTable },
  { file: 'ARCHITECTURE.md', part: 'graph', text: dependencyGraph },
] as const

interface Needs {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** One line per package, with what it runs on and how far it is. */
export function packageTable(): string {
  const rows = documentedPackages().map(({ folder, path, description, readme }) => {
    const peers = Object.keys(needsOf(path).peerDependencies ?? {})
    const link = readme === undefined ? `\`${folder}\`` : `[\`${folder}\`](packages/${folder}/README.md)`
    return [link, description, peers.map((peer) => `\`${peer}\``).join(', ') || '–', statusOf(path, readme)]
  })
  return tableOf([['package', 'what it does', 'works with', 'status'], ...rows])
}

/** Our packages and what they need of ours and of others, as a Mermaid graph. */
export function dependencyGraph(): string {
  const lines = documentedPackages().flatMap(({ folder, path }) => {
    const { dependencies = {} } = needsOf(path)
    const ours = Object.keys(dependencies).flatMap((name) => /^@quorate\/(.+)$/.exec(name)?.[1] ?? [])
    return ours.length === 0 ? [`  ${folder}`] : ours.toSorted().map((other) => `  ${folder} --> ${other}`)
  })
  return ['```mermaid', 'graph LR', ...lines, '```'].join('\n')
}

/** The file's text with its generated part renewed. */
export function renewed(text: string, part: string, content: string): string {
  const [begin, end] = [`<!-- generated:${part} -->`, `<!-- /generated:${part} -->`]
  const [head, rest] = text.split(begin)
  const tail = rest?.split(end)[1]
  if (head === undefined || tail === undefined) throw new Error(`There is no ${begin} … ${end} to fill`)
  return `${head}${begin}\n\n${content}\n\n${end}${tail}`
}

/** First version: it has a README and tests on real servers or laws; else it says so. */
function statusOf(path: string, readme: string | undefined): string {
  const files = readdirSync(join(path, 'src'), { recursive: true }).map(String)
  const tested = existsSync(join(path, 'test')) || files.some((file) => file.endsWith('.prop.test.ts'))
  return readme !== undefined && tested ? 'first version' : 'being written'
}

function needsOf(path: string): Needs {
  return JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Needs
}

/** A Markdown table, padded as the formatter would. */
export function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`
  const rule = widths.map((width) => '-'.repeat(width))
  return [rows[0] ?? [], rule, ...rows.slice(1)].map(line).join('\n')
}
