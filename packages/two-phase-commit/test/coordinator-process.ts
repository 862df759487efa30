// A process with many transfers, each with a coordinator of its own that stops at a point of its own and says so, to be
// killed there. Arguments: URLs as JSON, place of the log, points (0: one transfer, which tells how many there are).
import { coLocated, createCoordinator, separateLog } from '@quorate/two-phase-commit'
import { openBank, type Names, type Place } from './support.ts'
import { describe, watched } from './watched.ts'

const [urls = '{}', place, points] = process.argv.slice(2)
const count = Number(points)
const bank = await openBank(JSON.parse(urls) as Record<Names | 'log', string>, {
  max: Math.max(4, count + 2),
  isFresh: false,
})
process.stdin.on('end', () => process.exit()).resume() // the test is gone

async function transferTo(stopAt: number): Promise<void> {
  let reached = 0
  let isCounting = false
  const pass = async (point: Parameters<typeof describe>[0]): Promise<void> => {
    if (!isCounting || ++reached !== stopAt) return
    process.stdout.write(`reached ${stopAt} ${describe(point)}\n`)
    await new Promise(() => {})
  }
  const pool = (name: Names | 'log') => watched(name, () => bank.pools[name], pass)
  const coordinator = createCoordinator({
    participants: { payments: pool('payments'), orders: pool('orders') },
    log: (place as Place) === 'co-located' ? coLocated<Names>('payments') : separateLog(pool('log')),
    recoverEveryMs: Infinity,
    timeoutMs: 60_000,
  })
  await coordinator.start()
  isCounting = true
  const id = String(stopAt)
  await coordinator.transaction(async ({ payments, orders }) => {
    await payments.query('UPDATE account SET cents = cents - 5 WHERE id = $1', [id])
    await orders.query('UPDATE account SET cents = cents + 5 WHERE id = $1', [id])
    await payments.query('INSERT INTO transfer VALUES ($1, 5)', [id])
    await orders.query('INSERT INTO transfer VALUES ($1, 5)', [id])
  })
  process.stdout.write(`committed ${stopAt} after ${reached} points\n`)
}

await Promise.all(
  count === 0 ? [transferTo(0)] : Array.from({ length: count }, (_, index) => transferTo(index + 1)),
)
