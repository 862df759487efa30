import { expect, test } from 'vitest'
import { mayWrite } from './sql-kind.ts'

test.each([
  'select 1',
  'SELECT 1;',
  'select 1 ; ; -- the end',
  '  (select 1) union (select 2)',
  '((select 1))',
  'values (1), (2)',
  'table note',
  'show server_version',
  'with a as (select 1) select * from a',
  'explain select 1',
  'explain (analyze, buffers) select 1',
  "select 'delete from note; drop table note'",
  "select 'it''s; update'",
  "select e'it\\'s; update'",
  "select E'\\\\', 'x'",
  'select $$ for update $$, $a$ insert $$ into $a$',
  'select * from note where id = $1 and n = $2',
  'select "update", "delete" from "insert"',
  'select "a""; delete" from note',
  'select 1 -- for update',
  'select 1 /* for update /* nested */ delete */',
  "select substring('x' for 3)",
  'select nextval from note',
  'select random(), clock_timestamp(), gen_random_uuid(), pg_relation_size(1)',
  "select pg_size_pretty(1::bigint), current_setting('port')",
  'select a$b$, c$b$ from note', // dollars inside of names
])('reads: %s', (text) => {
  expect(mayWrite(text)).toBe(false)
})

test.each([
  '',
  ' -- nothing',
  '(',
  '42',
  'insert into note values (1)',
  'update note set n = 1',
  'delete from note',
  'merge into note using a on true when matched then delete',
  'call f()',
  'do $$ begin end $$',
  'set x = 1',
  'begin',
  'copy note from stdin',
  'lock note',
  'listen x',
  'prepare p as select 1',
  'execute p',
  'declare c cursor for select 1',
  'create table a (n int)',
  'vacuum',
  'with gone as (delete from note returning *) select * from gone',
  'with a as (insert into note values (1) returning *) table a',
  'select * into copy from note',
  'select * from note for update',
  'select * from note FOR NO KEY UPDATE',
  'select * from note for share skip locked',
  'select * from note for /* weaker */ key share',
  'explain analyze delete from note',
  'explain analyze create table a as select 1',
  'explain (analyze) execute p',
  'explain analyze refresh materialized view a',
  'select 1; delete from note',
  'select 1; select 2',
  "select nextval('s')",
  "select pg_catalog . nextval ('s')",
  "select NextVal /* not yet */ -- now\n ('s')",
  `select "nextval"('s')`,
  `select "pg_catalog"."setval"('s', 1)`,
  "select set_config('a', 'b', false)",
  'select pg_advisory_lock(1)',
  'select pg_try_advisory_xact_lock(1)',
  'select 1 where pg_advisory_unlock_all() is null',
  "select pg_notify('a', 'b')",
  'select txid_current()',
  'select pg_current_wal_lsn()',
  'select lo_unlink(1)',
  "select * from dblink('x', 'delete from note') as a (n int)",
  "select query_to_xml('delete from note', true, true, '')",
  // in doubt
  "select 'open",
  'select "open',
  'select $a$ open',
  'select 1 /* open /* */',
  "select e'open \\'",
  "select 'a\\'; delete from note; --'",
  `select U&"\\006eextval"('s')`,
  "select u&'a'",
])('may write: %s', (text) => {
  expect(mayWrite(text)).toBe(true)
})

test('functions of your own are told by name, whatever their schema and case', () => {
  const own = new Set(['bump'])
  expect(mayWrite('select bump(1)')).toBe(false)
  expect(mayWrite('select bump(1)', own)).toBe(true)
  expect(mayWrite('select shop.BUMP (1)', own)).toBe(true)
  expect(mayWrite('select "bump"(1)', own)).toBe(true)
  expect(mayWrite('select bump from note', own)).toBe(false)
  // Another name: quoted ones keep their case.
  expect(mayWrite('select "Bump"(1)', own)).toBe(false)
})

test.each([
  ['comments', '/*'],
  ['quotes', "''"],
  ['names', '"a""'],
  ['dollars', '$a'],
  ['tagged dollars', '$a$ '],
  ['parentheses', '('],
  ['backslashes', "e'\\"],
  ['blanks', ' \n'],
])('a megabyte of %s takes time in proportion to its length', (_, text) => {
  const cpuMs = (length: number): number => {
    const sql = `select ${text.repeat(length / text.length)}`
    const start = process.cpuUsage()
    expect(typeof mayWrite(sql)).toBe('boolean')
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1_000
  }
  cpuMs(10_000)
  // Ten times the length: a hundred times the time if it were the square. Generous, for other load.
  expect(cpuMs(1_000_000)).toBeLessThan(40 * Math.max(5, cpuMs(100_000)))
})
