// The packages as npm users get them: packed, installed with npm into empty projects, imported in every way there
// is, type-checked, bundled and run.
//
//   node scripts/packed.ts --tarballs FOLDER     (made by scripts/build.ts)
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { entries, type Package, packages, specifier } from './lib/workspace.ts'
import { type Consumer, consumersOf, esbuild, type OtherNode } from './packed/consumers.ts'
import { installNode, oldestNodeOf } from './packed/oldest-node.ts'
import { installProject, linkFromWorkspace, type Project } from './packed/project.ts'
import { run } from './packed/run.ts'
import { needsServers, withServers } from './packed/servers.ts'
import { firstProgram, type Program } from './readmes/blocks.ts'

const { values } = parseArgs({ options: { tarballs: { type: 'string' } } })
if (values.tarballs === undefined || !existsSync(values.tarballs)) {
  throw new Error('Cannot test packed packages: --tarballs must name the folder that scripts/build.ts filled')
}
const tarballs = values.tarballs
const all = packages().filter(({ manifest }) => tarballOf(manifest.name) !== undefined)
// A space in the path: people have them, and scripts that forget quotes break on them.
const home = mkdtempSync(join(tmpdir(), 'quorate packed '))
try {
  await bare()
  await full()
} finally {
  rmSync(home, { recursive: true, force: true })
}

/** No driver installed: the main entry of every package must load all the same. */
async function bare(): Promise<void> {
  const alone = all.filter((one) => foreignDependencies(one).length === 0)
  const project = await check('install without drivers, offline', () =>
    installProject(join(home, 'bare'), dependenciesOn(alone), ['--offline']),
  )
  if (project === undefined) return
  const main = alone.map(({ manifest }) => manifest.name)
  await consume(project, consumersOf(main, ['esm', 'cjs']))
}

/** With everything there: every entry, every kind of consumer. */
async function full(): Promise<void> {
  const project = await check('install all packages', () =>
    installProject(join(home, 'full'), dependenciesOn(all), ['--prefer-offline']),
  )
  if (project === undefined) return
  for (const one of all) linkFromWorkspace(project, one)
  const every = all.flatMap((one) => entries(one).map(([subpath]) => specifier(one.manifest.name, subpath)))
  const version = oldestNodeOf(all)
  const oldest = await check(`fetch Node ${version}, the oldest for the packages`, () =>
    installNode(join(home, 'node'), version),
  )
  await consume(project, [
    ...consumersOf(every, ['esm', 'cjs', 'node-next', 'bundler']),
    ...(oldest === undefined ? [] : consumersOf(every, ['esm', 'cjs'], oldest)),
  ])
  await programs(project, oldest)
}

/** The first program of each README, those that need servers last, with servers. */
async function programs(project: Project, oldest: OtherNode | undefined): Promise<void> {
  const found = all.flatMap((one) => {
    const readme = join(one.path, 'README.md')
    const program = existsSync(readme) ? firstProgram(readFileSync(readme, 'utf8')) : undefined
    return program === undefined ? [] : [{ one, program }]
  })
  const runAll = async (chosen: typeof found, env: Readonly<Record<string, string>>): Promise<void> => {
    for (const { one, program } of chosen) {
      await check(`first program of the README of ${one.folder}`, () =>
        runProgram(project, one, program, env),
      )
      if (oldest === undefined) continue
      await check(`the same on Node ${oldest.version}`, () =>
        runProgram(project, one, program, env, oldest.program),
      )
    }
  }
  const [alone, served] = [false, true].map((needs) =>
    found.filter(({ program }) => needsServers(program.code) === needs),
  )
  await runAll(alone ?? [], {})
  if (served !== undefined && served.length > 0) {
    await check('servers from the packed local-cluster', () =>
      withServers(project, (urls) => runAll(served, urls)),
    )
  }
}

/**
 * What the README says that its program prints is what it prints, run by a user of the tarball.
 *
 * @param old a Node that knows neither TypeScript nor `using`, for which it is translated first.
 */
async function runProgram(
  project: Project,
  one: Package,
  { code, output }: Program,
  env: Readonly<Record<string, string>>,
  old?: string,
): Promise<void> {
  let file = `readme-${one.folder}.mts`
  writeFileSync(join(project.folder, file), code)
  if (old !== undefined) {
    const translated = `readme-${one.folder}.mjs`
    const options = ['--format=esm', '--target=node22', `--outfile=${translated}`, '--log-level=error']
    await run(esbuild, [file, ...options], project.folder)
    file = translated
  }
  const printed = await run(old ?? process.execPath, [file], project.folder, env)
  if (printed.trimEnd() === output.trimEnd()) return
  throw new Error(`the README says something else than the program does\n${difference(output, printed)}`)
}

async function consume(project: Project, consumers: readonly Consumer[]): Promise<void> {
  const printed = new Map<string, string>()
  for (const consumer of consumers) {
    const output = await check(consumer.title, async () => {
      consumer.write(project.folder)
      let last = ''
      for (const [program, args] of consumer.commands) last = await run(program, args, project.folder)
      return last.trim()
    })
    if (output !== undefined) printed.set(consumer.title, output)
  }
  // All of them print the names that each entry exports, so they must agree to the letter.
  const [first, ...rest] = printed
  const entryOf = (line: string): string => line.split(': ')[0] ?? ''
  for (const [title, output] of rest) {
    if (first === undefined) continue
    const common = new Set(output.split('\n').map(entryOf))
    const expected = first[1].split('\n').filter((line) => common.has(entryOf(line)))
    if (expected.join('\n') !== output) {
      fail(`${title} sees other exports than ${first[0]}`, difference(expected.join('\n'), output))
    }
  }
}

async function check<T>(title: string, work: () => Promise<T>): Promise<T | undefined> {
  const started = performance.now()
  try {
    const result = await work()
    console.log(`ok     ${title}, ${((performance.now() - started) / 1000).toFixed(1)} s`)
    return result
  } catch (error) {
    fail(title, (error as Error).message)
    return undefined
  }
}

function fail(title: string, why: string): void {
  console.error(`FAILED ${title}:\n${why}`)
  process.exitCode = 1
}

function difference(expected: string, actual: string): string {
  const [left, right] = [expected.split('\n'), actual.split('\n')]
  return [
    ...left.filter((line) => !right.includes(line)).map((line) => `- ${line}`),
    ...right.filter((line) => !left.includes(line)).map((line) => `+ ${line}`),
  ].join('\n')
}

function dependenciesOn(chosen: readonly Package[]): Record<string, string> {
  return Object.fromEntries(chosen.map(({ manifest }) => [manifest.name, `file:${tarballOf(manifest.name)}`]))
}

function tarballOf(name: string): string | undefined {
  const prefix = `${name.replace('@', '').replace('/', '-')}-`
  const file = readdirSync(tarballs).find(
    (found) => found.startsWith(prefix) && /^\d/.test(found.slice(prefix.length)),
  )
  return file === undefined ? undefined : join(tarballs, file)
}

/** Packages of others that come with it, directly or through one of ours. */
function foreignDependencies(one: Package): string[] {
  const names = Object.keys({ ...one.manifest.dependencies, ...one.manifest.optionalDependencies })
  return names.flatMap((name) => {
    const ours = all.find(({ manifest }) => manifest.name === name)
    return ours === undefined ? [name] : foreignDependencies(ours)
  })
}
