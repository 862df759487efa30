import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, test, vi } from 'vitest'
import {
  ChaosClosedError,
  createChaos,
  killProcess,
  pauseProcess,
  ProcessFaultError,
  resumeProcess,
  type ChaosEvent,
} from './index.ts'
import { childrenOf, stateOf } from './process-tree.ts'

// A program that starts another one, and both answer each line on stdin with a line on stdout.
const CHILD = `process.stdin.on('data', () => process.stdout.write('child\\n')); process.stdout.write('child up\\n')`
const PARENT = `
const child = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(CHILD)}], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
child.stdout.pipe(process.stdout)
process.stdin.on('data', (line) => { process.stdout.write('parent\\n'); child.stdin.write(line) })
process.stdout.write('parent up\\n')`

interface Family extends AsyncDisposable {
  readonly process: ChildProcess
  readonly pid: number
  readonly childPid: number
  lines(count: number): Promise<string[]>
  ask(): void
}

/** A parent and its child in a session of its own, as the processes of Postgres are. */
async function family(): Promise<Family> {
  const parent = spawn(process.execPath, ['-e', PARENT], { stdio: ['pipe', 'pipe', 'inherit'] })
  parent.stdin.on('error', () => {})
  const queue = createInterface(parent.stdout)[Symbol.asyncIterator]()
  const lines = async (count: number): Promise<string[]> => {
    const all: string[] = []
    while (all.length < count) all.push((await queue.next()).value as string)
    return all.toSorted()
  }
  expect(await lines(2)).toEqual(['child up', 'parent up'])
  const pid = parent.pid as number
  const [childPid] = childrenOf(pid) as [number]
  return {
    process: parent,
    pid,
    childPid,
    lines,
    ask: () => void parent.stdin.write('x\n'),
    [Symbol.asyncDispose]: async () => {
      const exited = parent.exitCode === null && parent.signalCode === null ? once(parent, 'exit') : undefined
      await killProcess(pid, { tree: true })
      await killProcess(childPid)
      await exited
    },
  }
}

// The states of processes are read from /proc.
describe.skipIf(process.platform !== 'linux')('processes and their children', () => {
  test('pauseProcess() with tree freezes parent and child, resumeProcess() lets both run on', async () => {
    await using two = await family()
    expect(await pauseProcess(two.pid, { tree: true })).toEqual([two.pid, two.childPid])
    expect([stateOf(two.pid), stateOf(two.childPid)]).toEqual(['stopped', 'stopped'])
    two.ask()
    expect(await resumeProcess(two.pid, { tree: true })).toEqual([two.pid, two.childPid])
    expect(await two.lines(2)).toEqual(['child', 'parent'])
  })

  test('pauseProcess() without tree leaves the children running', async () => {
    await using two = await family()
    await pauseProcess(two.pid)
    expect(stateOf(two.pid)).toBe('stopped')
    expect(stateOf(two.childPid)).toBe('running')
    await resumeProcess(two.pid)
  })

  test('killProcess() with tree leaves none of them behind', async () => {
    await using two = await family()
    const exit = once(two.process, 'exit')
    expect(await killProcess(two.pid, { tree: true })).toEqual([two.pid, two.childPid])
    expect([stateOf(two.pid), stateOf(two.childPid)]).toEqual(['gone', 'gone'])
    expect(await exit).toEqual([null, 'SIGKILL'])
    expect(await killProcess(two.pid, { tree: true })).toEqual([])
  })

  test('killProcess() also ends a frozen process', async () => {
    await using two = await family()
    await pauseProcess(two.pid, { tree: true })
    await killProcess(two.pid, { tree: true })
    expect([stateOf(two.pid), stateOf(two.childPid)]).toEqual(['gone', 'gone'])
  })

  test('a process paused through chaos runs again when chaos is disposed', async () => {
    await using two = await family()
    const events: ChaosEvent[] = []
    {
      await using chaos = createChaos({ seed: 1, onEvent: (event) => events.push(event) })
      const handle = chaos.process(two.pid, { tree: true })
      await handle.pause()
      expect(handle.state).toBe('paused')
      expect(stateOf(two.childPid)).toBe('stopped')
    }
    two.ask()
    expect(await two.lines(2)).toEqual(['child', 'parent'])
    expect(events.map(({ type }) => type)).toEqual(['process-paused', 'process-resumed'])
  })

  test('a heal during a pause waits for it, and a pause after the end is refused', async () => {
    await using two = await family()
    for (let round = 0; round < 5; round++) {
      const chaos = createChaos({ seed: 1 })
      const handle = chaos.process(two.pid, { tree: true })
      const paused = handle.pause()
      await chaos[Symbol.asyncDispose]()
      await paused
      expect(handle.state).toBe('running')
      expect([stateOf(two.pid), stateOf(two.childPid)]).toEqual(['running', 'running'])
      await expect(handle.pause()).rejects.toBeInstanceOf(ChaosClosedError)
    }
  })

  test('a pause that runs out of time leaves nobody frozen', async () => {
    await using two = await family()
    const failures: unknown[] = []
    for (let round = 0; round < 20; round++) {
      // Already over when the first look finds somebody who has not stopped yet.
      const paused = pauseProcess(two.pid, { tree: true, deadlineMs: 0 })
      const error: unknown = await paused.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      if (error === undefined) await resumeProcess(two.pid, { tree: true })
      else failures.push(error)
      await vi.waitFor(() =>
        expect([stateOf(two.pid), stateOf(two.childPid)]).toEqual(['running', 'running']),
      )
    }
    expect(failures.length).toBeGreaterThan(0)
    for (const error of failures) expect(error).toBeInstanceOf(ProcessFaultError)
  })

  test('a process that dies while it is paused does not disturb the heal', async () => {
    await using two = await family()
    await using chaos = createChaos({ seed: 1 })
    await chaos.process(two.pid, { tree: true }).pause()
    await killProcess(two.pid, { tree: true })
    await chaos.heal()
    expect(stateOf(two.pid)).toBe('gone')
  })
})

test('a process that is not there cannot be paused', async () => {
  const gone = spawn(process.execPath, ['-e', ''])
  await once(gone, 'exit')
  const failure = pauseProcess(gone.pid as number)
  await expect(failure).rejects.toBeInstanceOf(ProcessFaultError)
  await expect(failure).rejects.toMatchObject({
    code: 'QUORATE_CHAOS_PROCESS',
    pid: gone.pid,
    action: 'pause',
  })
})

test('process ids that would signal a group or init are refused', async () => {
  for (const pid of [1, 0, -1, 1.5, Number.NaN]) {
    await expect(killProcess(pid)).rejects.toBeInstanceOf(RangeError)
    await expect(pauseProcess(pid)).rejects.toBeInstanceOf(RangeError)
  }
})

test.each([process.pid, 1, 0, -1, 2.5, Number.NaN])('refuses to pause or kill process %s', async (pid) => {
  // A real SIGSTOP or SIGKILL of this very process would end the test.
  const sent: unknown[] = []
  const kill = process.kill.bind(process)
  process.kill = (...call) => {
    sent.push(call)
    return true
  }
  try {
    await expect(pauseProcess(pid, { deadlineMs: 1 })).rejects.toThrow(RangeError)
    await expect(killProcess(pid, { deadlineMs: 1 })).rejects.toThrow(RangeError)
    await expect(createChaos().process(pid, { deadlineMs: 1 }).pause()).rejects.toThrow(RangeError)
  } finally {
    process.kill = kill
  }
  expect(sent).toEqual([])
})

test('refuses a tree that this process is part of, before anything is frozen', async () => {
  const sent: unknown[] = []
  const kill = process.kill.bind(process)
  process.kill = (...call) => {
    sent.push(call)
    return true
  }
  try {
    const options = { tree: true, deadlineMs: 1 }
    await expect(pauseProcess(process.ppid, options)).rejects.toThrow(/pid must not be .* this process/)
    await expect(killProcess(process.ppid, options)).rejects.toThrow(RangeError)
  } finally {
    process.kill = kill
  }
  expect(sent).toEqual([])
})
