import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const folder = new URL('../src/', import.meta.url)
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.out.txt'))
  .map((file) => file.slice(0, -'.out.txt'.length))

/** Against hangs: each starts servers of its own. */
const DEADLINE_MS = 50_000

/** Runs a program as its reader would, and gives what it prints. */
async function run(name: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const file = new URL(`${name}.ts`, folder)
  // Decorators are no TypeScript that can be stripped; tsx compiles them.
  const loader = /^\s*@\w+\(/m.test(readFileSync(file, 'utf8')) ? ['--import', 'tsx'] : []
  const child = spawn(process.execPath, [...loader, '--conditions=@quorate/source', fileURLToPath(file)], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
    signal: AbortSignal.timeout(DEADLINE_MS),
    killSignal: 'SIGKILL',
  })
  const printed = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (printed[stream] += text))
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve)
  })
  return { code, ...printed }
}

test.each(names)('%s prints what is shown', async (name) => {
  const { code, stdout, stderr } = await run(name)
  // The errors first: they say why the rest is not there.
  expect({ stderr: code === 0 ? '' : stderr, code }).toEqual({ stderr: '', code: 0 })
  expect(stdout).toBe(readFileSync(new URL(`${name}.out.txt`, folder), 'utf8'))
})
