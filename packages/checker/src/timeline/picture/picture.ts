import type { Status } from '../../operation.ts'

/**
 * What a picture shows, as plain JSON: made once from the history, drawn here and, after a zoom or a filter,
 * again in the page. Operations are named by their place in `operations`, not by their index in the history.
 */
export interface Picture {
  readonly operations: readonly PictureOperation[]
  /** Names of the processes, from top to bottom. */
  readonly lanes: readonly string[]
  readonly keys: readonly string[]
  readonly faults: readonly PictureFault[]
  readonly findings: readonly Finding[]
  /** A legal order, as far as one was found: which operation, and its number in that order, from 1. */
  readonly order: ReadonlyArray<readonly [operation: number, number: number]>
  /** How many operations of the history were left out before this one, where it is worth a mark. */
  readonly gaps: ReadonlyArray<readonly [operation: number, count: number]>
  /** Do places of different processes order anything? */
  readonly realTime: boolean
  /** Has every operation a time in ms? */
  readonly hasMs: boolean
}

export type Kind = 'read' | 'write' | 'both'

/** Places on an axis; `null`: no end. */
export type Span = readonly [start: number, end: number | null]

export interface PictureOperation {
  /** In the history. */
  readonly index: number
  readonly lane: number
  readonly kind: Kind
  readonly status: Status
  readonly op: string
  /** Without the key, for a picture of one key. */
  readonly label: string
  /** With the key. */
  readonly keyed: string
  readonly keys: readonly number[]
  readonly order: Span
  readonly ms?: Span | undefined
  readonly input: string
  readonly output: string
  readonly line?: number | undefined
}

export interface PictureFault {
  readonly text: string
  readonly order: Span
  readonly ms?: Span | undefined
}

export interface Finding {
  readonly name: string
  readonly message: string
  /** Those that prove it and are in the picture. */
  readonly operations: readonly number[]
  /** The offending one, or -1 if it is not in the picture. */
  readonly bad: number
  readonly edges: readonly PictureEdge[]
  /** If it is about one, else -1. */
  readonly key: number
}

export interface PictureEdge {
  readonly from: number
  readonly to: number
  readonly kind: string
  readonly text: string
}

/** What the reader chose to see of a picture. */
export interface View {
  readonly axis: 'order' | 'ms'
  /** 1: each label fits. */
  readonly zoom: number
  /** Which key alone, or -1. */
  readonly key: number
  /** Which finding, or -1. */
  readonly finding: number
  /** Px that the chart fills at least. */
  readonly minWidth: number
}
