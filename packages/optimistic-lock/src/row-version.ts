import { unquoteIdentifier, type Shape } from './names.ts'
import { show } from './options.ts'
import type { SqlSession } from './session.ts'
import { comparedColumns } from './statements.ts'
import type { KeyValues, Version } from './types.ts'

/**
 * What the caller's row says of its version, for messages; of old values nothing, until it is known which have changed.
 *
 * @throws TypeError if it says nothing of it.
 */
export function versionIn(method: string, shape: Shape, row: KeyValues): Version {
  const { label, version, by = 'number' } = shape
  if (by === 'values') {
    if (comparedColumns(shape, row).length > 0) return ''
    throw new TypeError(
      `Cannot ${method} a row of ${label}: it must carry the values it was read with; use get()`,
    )
  }
  const value = row[version]
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string') return value
  if (value instanceof Date && by === 'time') return value.toISOString()
  if (value === null) {
    throw new TypeError(
      `Cannot ${method} a row of ${label}: its version in ${version} is null, and null is not comparable; make the column NOT NULL`,
    )
  }
  throw new TypeError(
    `Cannot ${method} a row of ${label}: it must carry its version in ${version}, got ${show(value)}; read it with get()`,
  )
}

/** A version that was expected beside the one that was found, in the same form. */
export interface VersionPair {
  readonly expected: Version
  readonly actual: Version
}

/**
 * Compares the version of the caller's row with that of the row as it is by now.
 *
 * @param found what `selectVersion()` gave.
 * @returns both if they differ.
 */
export function differenceOf(
  shape: Shape,
  row: KeyValues,
  expected: Version,
  found: KeyValues,
): VersionPair | undefined {
  if (shape.by === 'values') {
    const changed = comparedColumns(shape, row).filter((name) => jsonOf(row[name]) !== jsonOf(found[name]))
    if (changed.length === 0) return undefined
    return { expected: textOf(row, changed), actual: textOf(found, changed) }
  }
  const version = found['version']
  const actual = version instanceof Date ? version.toISOString() : (version as Version)
  // A bigint column comes as text, and a version from a browser does too.
  return String(actual) === String(expected) ? undefined : { expected, actual }
}

function textOf(row: KeyValues, columns: readonly string[]): string {
  return jsonOf(Object.fromEntries(columns.map((column) => [column, row[column]])))
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each)) ?? ''
}

/**
 * A column that cannot hold a millisecond rounds the version of one write to that of the write before, and both would
 * pass for the same state of the row.
 *
 * @throws TypeError if the version is such a column.
 */
export async function checkTimeColumn(session: SqlSession, shape: Shape): Promise<void> {
  const values = [shape.table, unquoteIdentifier(shape.column(shape.version))]
  const { rows } = await session.run({ text: TIME_COLUMN, values })
  const { type, fits } = (rows[0] ?? { type: '', fits: true }) as { type: string; fits: boolean | null }
  if (fits !== false) return
  throw new TypeError(
    `Cannot write to ${shape.label}: the version ${shape.version} is a ${type}, which holds no milliseconds, so two ` +
      `writes could look alike; make it timestamptz, or take another version`,
  )
}

/** A type's modifier is the number of its fractional digits; a domain has that of the type it stands for. */
const TIME_COLUMN = `SELECT format_type(a.atttypid, a.atttypmod) AS "type",
  CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END IN ('timestamp'::regtype, 'timestamptz'::regtype)
    AND CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END NOT IN (0, 1, 2) AS "fits"
FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND NOT a.attisdropped`
