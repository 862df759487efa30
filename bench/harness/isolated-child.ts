// The process of one isolated case: loads the module it is told, then does a round for each message.
import type { Answer, IsolatedModule } from './isolated.ts'

const [, , href = '', ...task] = process.argv
let round: ReturnType<IsolatedModule['prepare']> | undefined

process.on('disconnect', () => process.exit()) // the bench is gone
process.on('message', (number: number) => void answer(number))

async function answer(number: number): Promise<void> {
  let reply: Answer
  try {
    round ??= ((await import(href)) as IsolatedModule).prepare(...task)
    const sample = await (await round)(number)
    reply = { sample }
  } catch (error) {
    reply = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  process.send?.(reply)
}
