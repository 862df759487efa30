// Builds and packs every package, and judges each tarball as npm users will get it: publint for what is in it,
// are-the-types-wrong for how TypeScript resolves it.
//
//   node scripts/build.ts [--tarballs FOLDER] [PACKAGE…]
import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkPackage, createPackageFromTarballData, type Problem } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { withLock } from './bootstrap/lock.mjs'
import { type Package, packages, REPORTS, ROOT } from './lib/workspace.ts'

/** Builds side by side; each is one busy process. */
const PARALLEL = 2

const { values, positionals } = parseArgs({
  options: { tarballs: { type: 'string' } },
  allowPositionals: true,
})
const chosen = packages().filter(({ folder }) => positionals.length === 0 || positionals.includes(folder))
mkdirSync(REPORTS, { recursive: true })

// Two builds of one package would write into the same dist/.
await withLock(join(REPORTS, 'build.lock'), async () => {
  const queue = [...chosen]
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await make(next)
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
})

async function make(one: Package): Promise<void> {
  const started = performance.now()
  const built = await run(process.execPath, [join(ROOT, 'scripts', 'bundle.ts')], one.path)
  const problems = built.status === 0 ? await judge(one) : [`tsup failed:\n${built.output.trim()}`]
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${one.folder} ${seconds} s`)
  for (const problem of problems) console.error(`  ${one.folder}: ${problem}`)
  if (problems.length > 0) process.exitCode = 1
}

async function judge({ path, folder }: Package): Promise<string[]> {
  const destination = mkdtempSync(join(REPORTS, `pack-${folder}-`))
  try {
    // pnpm looks for a store on the disk of the workspace, with a file that it writes into the root of the repository
    // for a moment, where other checks find it. It needs none here: any folder will do.
    const env = { ...process.env, pnpm_config_store_dir: destination }
    const packed = await run('pnpm', ['pack', '--pack-destination', destination], path, env)
    const [file] = readdirSync(destination).filter((name) => name.endsWith('.tgz'))
    if (packed.status !== 0 || file === undefined) return [`pnpm pack failed:\n${packed.output.trim()}`]
    const tarball = join(destination, file)
    if (values.tarballs !== undefined) {
      mkdirSync(values.tarballs, { recursive: true })
      copyFileSync(tarball, join(values.tarballs, file))
    }
    const data = readFileSync(tarball)
    return [...(await lintPackage(data)), ...(await checkTypes(data))]
  } finally {
    rmSync(destination, { recursive: true, force: true })
  }
}

async function lintPackage(data: Buffer): Promise<string[]> {
  const tarball = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true })
  return messages.map(
    (message) => `publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`,
  )
}

async function checkTypes(data: Buffer): Promise<string[]> {
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(data)))
  if (analysis.types === false) return ['are-the-types-wrong: the package has no types']
  return analysis.problems.filter(matters).map((problem) => `are-the-types-wrong: ${describe(problem)}`)
}

/** TypeScript's oldest resolution knows no `exports`, so no subpath can pass it; Node 22 users do not use it. */
function matters(problem: Problem): boolean {
  return !('resolutionKind' in problem && problem.resolutionKind === 'node10')
}

function describe(problem: Problem): string {
  const { kind, ...facts } = problem
  const shown = Object.entries(facts).filter(([, value]) => typeof value === 'string')
  return [kind, ...shown.map(([name, value]) => `${name} ${String(value)}`)].join(', ')
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ status: number; output: string }> {
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (chunk: Buffer): void => void (output += chunk.toString())
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => resolve({ status: 127, output: error.message }))
    child.on('close', (code) => resolve({ status: code ?? 1, output }))
  })
}
