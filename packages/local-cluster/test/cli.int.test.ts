import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { expect, it } from 'vitest'
import { eventually, sql } from './support/sql.ts'

const CLI = path.resolve(import.meta.dirname, '..', 'src', 'cli.ts')

function start(...args: string[]): { child: ChildProcess; output: () => string; errors: () => string } {
  let [output, errors] = ['', '']
  const child = spawn(process.execPath, ['--conditions=@quorate/source', CLI, ...args], { cwd: '/' })
  child.stdout.on('data', (text: Buffer) => (output += text.toString()))
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
  return { child, output: () => output, errors: () => errors }
}

it('prints the addresses and stays until Ctrl-C', async () => {
  const { child, output } = start('--postgres', 'orders:1', '--database', 'orders/shop')
  const exited = once(child, 'exit')
  await eventually(() => output().includes('Ctrl-C ends all of it') || child.exitCode !== null)
  const url = /orders primary +(\S+)/.exec(output())?.[1] ?? ''
  expect(output()).toMatch(/orders replica-1 +postgres:/)
  expect(await sql(url, `SELECT datname FROM pg_database WHERE datname = 'shop'`)).toHaveLength(1)
  child.kill('SIGINT')
  expect(await exited).toEqual([0, null])
  await expect(sql(url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
})

it('answers a wrong option with one line and exit code 2', async () => {
  const { child, errors } = start('--postgres', 'orders:many')
  expect(await once(child, 'close')).toEqual([2, null])
  expect(errors().trim().split('\n')).toEqual([
    '--postgres orders:many: must be NAME or NAME:REPLICAS, as in --postgres orders:2',
  ])
})
