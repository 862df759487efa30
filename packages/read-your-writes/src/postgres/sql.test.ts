import { expect, test } from 'vitest'
import type { PgPoolClient } from './port.ts'
import { positionSeenOnReplica, type ConnectionFacts } from './sql.ts'

const FACTS: ConnectionFacts = {
  cluster: '1',
  startedAt: '1',
  inRecovery: true,
  madeAt: 1,
  replayed: 5n,
  layout: { pageBytes: 8_192n, segmentBytes: 16_777_216n },
}

/** A replica that has replayed up to 6. */
function replica(timeline: number | null): PgPoolClient {
  return {
    query: async () => ({
      rows: [{ recovery: true, replayed: '0/6', timeline }],
      rowCount: 1,
      command: 'SELECT',
    }),
    release: () => {},
    on: () => {},
    removeListener: () => {},
  }
}

test('what a replica shows that receives nothing has a timeline only as far as that is known', async () => {
  const seen = (timeline: number | null, upTo?: bigint): ReturnType<typeof positionSeenOnReplica> =>
    positionSeenOnReplica(replica(timeline), FACTS, upTo === undefined ? undefined : { timeline: 1, upTo })
  expect(await seen(2, 5n)).toEqual({ cluster: '1', timeline: 2, lsn: 6n })
  expect(await seen(null, 6n)).toEqual({ cluster: '1', timeline: 1, lsn: 6n })
  // It has gone on by itself since, maybe on another one.
  expect(await seen(null, 5n)).toBeUndefined()
  expect(await seen(null)).toBeUndefined()
})
