import type { ShopPools } from '../databases.ts'
import { examples, type Invariant } from './check-invariants.ts'

/** Every saga has ended, done or undone; one that needs a person is shown, never hidden. */
export async function sagaInvariants({ orders }: ShopPools): Promise<Invariant[]> {
  const { rows } = await orders.query<{ id: string; name: string; status: string }>(
    'select id, name, status from quorate.saga',
  )
  const count = (status: string): number => rows.filter((row) => row.status === status).length
  const open = rows.filter(({ status }) => status !== 'completed' && status !== 'compensated')

  const { rows: undecided } = await orders.query<{ id: string }>(
    `select id from orders where status in ('CREATED', 'PAYMENT_PENDING')`,
  )
  const problems = [
    ...(open.length === 0
      ? []
      : [
          examples(
            'sagas have not ended',
            open.map(({ id, status }) => `${id} ${status}`),
          ),
        ]),
    ...(undecided.length === 0
      ? []
      : [
          examples(
            'orders are undecided',
            undecided.map(({ id }) => id),
          ),
        ]),
  ]
  return [
    {
      name: 'no saga is left open',
      holds: problems.length === 0,
      proof:
        problems.join('; ') ||
        `${rows.length} sagas: ${count('completed')} completed, ${count('compensated')} compensated`,
    },
  ]
}
