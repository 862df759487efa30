import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const folder = fileURLToPath(new URL('..', import.meta.url))

test('the program of the guide on tests prints what the guide shows', async () => {
  const guide = await readFile(`${folder}/guides/testing.md`, 'utf8')
  const [, program = '', output = ''] = /```ts\n([^]*?)```\n\n```\n([^]*?)```/.exec(guide) ?? []
  const args = ['--conditions=@quorate/source', '--input-type=module-typescript', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder })
  expect(output).toContain('commit')
  expect(stdout).toBe(output)
})
