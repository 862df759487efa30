import { expect, test } from 'vitest'
import { parseReplication } from './replication.ts'

const ID = 'aae57421f0b8cc2273441d59775713af78e42404'
const NONE = '0'.repeat(40)
const PRIMARY = {
  role: 'master',
  connected_slaves: '1',
  slave0: 'ip=127.0.0.1,port=19538,state=online,offset=40,lag=0',
  master_replid: ID,
  master_replid2: NONE,
  master_repl_offset: '50',
  second_repl_offset: '-1',
}
const REPLICA = {
  role: 'slave',
  master_link_status: 'up',
  master_sync_in_progress: '0',
  slave_read_repl_offset: '80',
  slave_repl_offset: '60',
  master_replid: ID,
  master_replid2: 'b'.repeat(40),
  master_repl_offset: '70',
  second_repl_offset: '41',
}
const text = (facts: object): string =>
  `# Replication\r\n${Object.entries(facts)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('')}`

test('a primary stands where it has written to', () => {
  expect(parseReplication(text(PRIMARY))).toEqual({
    role: 'primary',
    replid: ID,
    offset: 50n,
    previous: undefined,
    isConnected: true,
  })
})

test('a replica stands where it has applied to, not where it has read to', () => {
  expect(parseReplication(text(REPLICA))).toEqual({
    role: 'replica',
    replid: ID,
    offset: 60n,
    previous: { replid: 'b'.repeat(40), end: 41n },
    isConnected: true,
  })
})

test.each([{ master_link_status: 'down' }, { master_sync_in_progress: '1' }])(
  'a replica that receives nothing in order is not connected: %j',
  (change) => {
    expect(parseReplication(text({ ...REPLICA, ...change }))?.isConnected).toBe(false)
  },
)

test.each([
  'QUEUED',
  '',
  undefined,
  42,
  text({ ...PRIMARY, role: 'sentinel' }),
  text({ ...PRIMARY, master_repl_offset: 'x' }),
  text({ role: 'master', master_repl_offset: '1' }),
])('what is no answer to the question is told: %j', (answer) => {
  expect(parseReplication(answer)).toBeUndefined()
})

test('offsets beyond 2^53 keep all their digits', () => {
  const facts = { ...PRIMARY, master_repl_offset: '9223372036854775807' }
  expect(parseReplication(text(facts))?.offset).toBe(9_223_372_036_854_775_807n)
})
