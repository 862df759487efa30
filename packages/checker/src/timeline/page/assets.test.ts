import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { ASSETS, assets } from '../../../browser/build.ts'
import { CHART_CSS, PAGE_CSS, SCRIPT, SCRIPT_DIGEST, STYLE_DIGEST } from './assets.ts'

it('assets.ts is what browser/build.ts makes; if not: node packages/checker/browser/build.ts', async () => {
  expect(readFileSync(ASSETS, 'utf8')).toBe(await assets())
})

it('the digests in the policy are those of the style and the script', () => {
  const digest = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`
  expect(STYLE_DIGEST).toBe(digest(CHART_CSS + PAGE_CSS))
  expect(SCRIPT_DIGEST).toBe(digest(SCRIPT))
})

it('neither style nor script can end its element, or loads anything', () => {
  for (const text of [CHART_CSS, PAGE_CSS, SCRIPT])
    expect(text).not.toMatch(/<\/(?:style|script)|<!--|@import|https?:/i)
})

it('the script of the page type-checks against the DOM', { timeout: 60_000 }, () => {
  const folder = join(import.meta.dirname, '..', '..', '..', 'browser')
  const { config } = ts.readConfigFile(join(folder, 'tsconfig.json'), (file) => ts.sys.readFile(file)) as {
    config: unknown
  }
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, folder)
  const problems = ts.getPreEmitDiagnostics(ts.createProgram(fileNames, options))
  expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([])
})
