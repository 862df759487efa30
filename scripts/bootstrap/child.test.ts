import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

const CHILD = pathToFileURL(join(import.meta.dirname, 'child.mjs')).href

/** Runs a program through `runInOurPlace` in a process of its own, and collects what it prints. */
function start(
  program: string,
  env: Record<string, string> = {},
): { us: ChildProcess; output: () => string } {
  const driver = `
    import { runInOurPlace } from ${JSON.stringify(CHILD)}
    const options = { cwd: process.cwd(), env: process.env }
    process.exitCode = await runInOurPlace(process.execPath, ['-e', ${JSON.stringify(program)}], options)`
  const { npm_lifecycle_event: _, ...outer } = process.env
  const us = spawn(process.execPath, ['--input-type=module', '-e', driver], {
    env: { ...outer, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  us.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { us, output: () => text }
}

async function printed(us: ChildProcess, output: () => string, what: string): Promise<void> {
  while (!output().includes(what)) await once(us.stdout as NodeJS.ReadableStream, 'data')
}

const COUNTS_SIGINT = `
  let count = 0
  process.on('SIGINT', () => {
    count++
    setTimeout(() => { console.log('got', count); process.exit(7) }, 150)
  })
  setInterval(() => {}, 1000)
  console.log('ready')`

test('runInOurPlace() hands a doubled Ctrl-C over once and passes the exit code on', async () => {
  const { us, output } = start(COUNTS_SIGINT)
  await printed(us, output, 'ready')
  us.kill('SIGINT') // the terminal
  us.kill('SIGINT') // npm
  const [code] = await once(us, 'close')
  expect(output()).toContain('got 1')
  expect(code).toBe(7)
})

test('runInOurPlace() reports a child ended by a signal as 128 + its number', async () => {
  const { us } = start(`process.kill(process.pid, 'SIGTERM')`)
  const [code] = await once(us, 'close')
  expect(code).toBe(143)
})

test('runInOurPlace() leaves no child behind when it is killed', async () => {
  const { us, output } = start(`setInterval(() => {}, 1000); console.log('ready')`)
  await printed(us, output, 'ready')
  us.kill('SIGKILL')
  // `close` comes only when the child has let go of the pipe, too.
  expect(await once(us, 'close')).toEqual([null, 'SIGKILL'])
})

test('runInOurPlace() kills the child when the npm above it is killed', async () => {
  const script = `setInterval(() => {}, 1000); console.log('ready')`
  const driver = `import { runInOurPlace } from ${JSON.stringify(CHILD)}
    await runInOurPlace(process.execPath, ['-e', ${JSON.stringify(script)}], { cwd: '/', env: process.env })`
  // A stand-in for npm: a process that runs us and waits.
  const npm = spawn(
    process.execPath,
    [
      '-e',
      `require('child_process').spawnSync(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(driver)}], { stdio: 'inherit' })`,
    ],
    { env: { ...process.env, npm_lifecycle_event: 'start' }, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await once(npm.stdout, 'data')
  npm.kill('SIGKILL')
  expect(await once(npm, 'close')).toEqual([null, 'SIGKILL'])
})
