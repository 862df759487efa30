import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Case, Sample } from './rounds.ts'

/** What the process of a case answers to each round. */
export type Answer = { readonly sample: Sample } | { readonly error: string }

/**
 * A module that measures in a process of its own: its `prepare` gets the task and returns the round.
 */
export interface IsolatedModule {
  prepare(...task: string[]): Round | Promise<Round>
}

type Round = Case['round']

/**
 * A case in a process of its own, from the first round to the last: nobody pays for the garbage, the WebAssembly
 * memory or the many-shaped call sites of another. Rounds of the group still take turns.
 *
 * @param name the case's name in the table.
 * @param module a module with `prepare`, see {@link IsolatedModule}.
 * @param task handed to `prepare`.
 */
export function isolated(
  name: string,
  module: URL,
  task: readonly string[],
): Required<Pick<Case, 'close'>> & Case {
  let child: ChildProcess | undefined
  return {
    name,
    round: async (round) => {
      child ??= fork(fileURLToPath(new URL('isolated-child.ts', import.meta.url)), [module.href, ...task], {
        execArgv: ['--expose-gc'],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      return ask(child, name, round)
    },
    close: async () => {
      const running = child
      child = undefined
      if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
      const ended = once(running, 'exit')
      running.kill('SIGKILL') // it holds nothing but memory
      await ended
    },
  }
}

function ask(child: ChildProcess, name: string, round: number): Promise<Sample> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: string | null): void => {
      reject(
        new Error(`The process of ${name} ended with ${signal ?? `exit code ${code}`} in round ${round}`),
      )
    }
    child.once('exit', onExit)
    child.once('message', (answer: Answer) => {
      child.off('exit', onExit)
      if ('error' in answer) reject(new Error(`${name}: ${answer.error}`))
      else resolve(answer.sample)
    })
    child.send(round, (error) => error && reject(error))
  })
}
