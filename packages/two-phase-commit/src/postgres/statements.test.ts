import { expect, test } from 'vitest'
import { steersTransaction } from './statements.ts'

const STEERING = [
  'COMMIT',
  ' \n commit work',
  'begin',
  'START TRANSACTION',
  'end',
  'Abort',
  "PREPARE  TRANSACTION 'x'",
  'ROLLBACK',
  'rollback and chain',
  "COMMIT PREPARED 'x'",
  '/* a */ -- b\n /* c */ commit',
  '; commit',
  'SELECT 1; COMMIT',
  'SELECT 1;/* x */COMMIT;',
  "SELECT 'a''b'; COMMIT",
  "SELECT E'a\\'; SELECT 1'; COMMIT",
  'SELECT $$ ; $$; COMMIT',
  'SELECT $a$ $$ ; $a$; COMMIT',
  'SELECT "a;""b"; COMMIT',
  'SELECT 1 -- x\n; COMMIT',
  "SELECT 'C:\\'; COMMIT",
  'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; COMMIT',
]

const HARMLESS = [
  'SELECT 1',
  'SAVEPOINT a; ROLLBACK TO a; ROLLBACK WORK TO SAVEPOINT a; RELEASE a',
  'PREPARE plan AS SELECT 1',
  "SELECT '; COMMIT'",
  "SELECT 'it''s; commit'",
  "SELECT E'\\'; COMMIT'",
  'SELECT $$; COMMIT$$',
  'SELECT $do$; COMMIT; $$ ; COMMIT $do$',
  'SELECT 1 AS "; COMMIT"',
  'SELECT 1 /* ; COMMIT */; SELECT 2',
  'SELECT 1 -- ; COMMIT\n; SELECT 2',
  'DO $$ BEGIN PERFORM 1; END $$',
  'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT f()',
  'SELECT commit FROM begin',
  'SELECT a$b; SELECT c$b',
  '',
  ';;',
]

test.each(STEERING)('steersTransaction() sees %j', (text) => {
  expect(steersTransaction(text)).toBe(true)
})

test.each(HARMLESS)('steersTransaction() lets pass %j', (text) => {
  expect(steersTransaction(text)).toBe(false)
})
