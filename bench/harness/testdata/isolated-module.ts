// For isolated.test.ts: rounds that tell who ran them, and how often.
let rounds = 0

export function prepare(task: string): (round: number) => Record<string, number> {
  return (round) => {
    if (task === 'wrong') throw new Error('wrong answer')
    if (task === 'exit') process.exit(3)
    return { time: ++rounds, round, pid: process.pid }
  }
}
