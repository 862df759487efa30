// Puts what stands in this folder, minified, into src/timeline/page/assets.ts. Run after each change here:
//   node browser/build.ts
// Strings, because the page holds everything it needs; with their digests, because its policy lets nothing else run.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, transform } from 'esbuild'

const TARGET = ['chrome112', 'firefox112', 'safari16.4']

export const ASSETS: string = join(import.meta.dirname, '..', 'src', 'timeline', 'page', 'assets.ts')

/** The text that `assets.ts` should have. */
export async function assets(): Promise<string> {
  const css = async (...names: string[]): Promise<string> => {
    const text = names.map((name) => readFileSync(join(import.meta.dirname, name), 'utf8')).join('')
    return (await transform(text, { loader: 'css', minify: true, target: TARGET })).code.trim()
  }
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'timeline.ts')],
    bundle: true,
    format: 'iife',
    minify: true,
    target: TARGET,
    write: false,
  })
  const chart = await css('chart.css')
  const page = await css('page.css')
  const script = outputFiles[0]?.text.trim() ?? ''
  return `// Written by browser/build.ts: change what it is made from, then run it.

/** Style of the chart, alone enough for a picture without a page. */
export const CHART_CSS: string = ${literal(chart)}

export const PAGE_CSS: string = ${literal(page)}

export const SCRIPT: string = ${literal(script)}

export const STYLE_DIGEST: string = '${digest(chart + page)}'

export const SCRIPT_DIGEST: string = '${digest(script)}'
`
}

const digest = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`

/** As a string literal with as few escapes as possible: what is written often should stay short. */
function literal(text: string): string {
  return `\`${text.replace(/[\\`]|\$\{/g, '\\$&')}\``
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(ASSETS, await assets())
