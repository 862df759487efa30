import type { Edge } from '../../result.ts'

/** What an edge of the graph stands for, with its key: a label is `key * 8 + kind`. */
export const WRITE_READ = 0
export const WRITE_WRITE = 1
export const READ_WRITE = 2
export const PROCESS = 3
export const REAL_TIME = 4
/** Within a transaction, or to a helper node: the next edge that enters a transaction tells what it is. */
export const INNER = 5

export const KINDS: readonly Edge['kind'][] = ['wr', 'ww', 'rw', 'process', 'real-time']

export const label = (kind: number, key: number): number => key * 8 + kind
export const kindOf = (of: number): number => of & 7
export const keyOf = (of: number): number => of >> 3
