/** The provider's search language, the part that has `field:'value'` clauses joined by AND. */
export interface SearchClause {
  readonly field: 'status' | 'metadata'
  /** Of the metadata. */
  readonly key?: string
  readonly value: string
}

const CLAUSE = /^(?:(status)|metadata\[(['"])([^'"]{1,100})\2\]):(['"])([^'"]{0,500})\4$/

/** @returns `undefined` when the query is malformed or uses what is not spoken here. */
export function parseSearch(query: string): SearchClause[] | undefined {
  const clauses: SearchClause[] = []
  for (const part of query.trim().split(/\s+AND\s+/i)) {
    const match = CLAUSE.exec(part)
    if (match === null) return undefined
    const [, status, , key, , value = ''] = match
    if (status !== undefined) clauses.push({ field: 'status', value })
    else if (key !== undefined) clauses.push({ field: 'metadata', key, value })
  }
  return clauses
}
