import { VersionVector } from '@quorate/vector-clock'
import fc from 'fast-check'
import {
  createText,
  type Text,
  type TextDelta,
  type TextJson,
  type TextOptions,
} from '../../src/text/index.ts'
import { FugueModel, type ModelOp } from './fugue-model.ts'

/** What happens at a replica; places and amounts are shares of what is there. */
export type Step =
  | { readonly do: 'insert'; readonly by: number; readonly at: number; readonly text: string }
  | { readonly do: 'delete'; readonly by: number; readonly at: number; readonly amount: number }
  | {
      readonly do: 'replace'
      readonly by: number
      readonly at: number
      readonly amount: number
      readonly text: string
    }
  | { readonly do: 'undo'; readonly by: number }
  | { readonly do: 'redo'; readonly by: number }
  /** What all replicas have seen is collected at one of them. */
  | { readonly do: 'collect'; readonly by: number }
  /** One of the edits made so far reaches the replica, whether it has it or not. */
  | { readonly do: 'deliver'; readonly to: number; readonly which: number }
  /** All edits of another replica reach it, as one delta. */
  | { readonly do: 'sync'; readonly to: number; readonly from: number }

/** Not `fc.double`: of its numbers most are next to nothing. */
const share = fc.nat(9999).map((n) => n / 10_000)
const text = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[a-z]{1,4}$/) },
  fc.constantFrom('😀', 'a😀b', '😀😀', 'é', '\u{1f468}\u200d\u{1f469}'),
)

/** Steps of a network: of all kinds, or of those given. */
export function steps(replicas: number, maxLength = 40, kinds?: readonly Step['do'][]): fc.Arbitrary<Step[]> {
  const by = fc.nat(replicas - 1)
  const all: readonly [weight: number, kind: Step['do'], rest: object][] = [
    [6, 'insert', { by, at: share, text }],
    [3, 'delete', { by, at: share, amount: share }],
    [1, 'replace', { by, at: share, amount: share, text }],
    [1, 'undo', { by }],
    [1, 'redo', { by }],
    [1, 'collect', { by }],
    [8, 'deliver', { to: by, which: share }],
    [1, 'sync', { to: by, from: by }],
  ]
  const choice = all
    .filter(([, kind]) => kinds?.includes(kind) ?? true)
    .map(([weight, kind, rest]) => ({
      weight,
      arbitrary: fc.record({ do: fc.constant(kind), ...rest }) as fc.Arbitrary<unknown> as fc.Arbitrary<Step>,
    }))
  return fc.array(fc.oneof(...choice), { maxLength, size: 'max' })
}

/** An edit as made: by the text, and as the model knows it. */
export interface Edit {
  readonly by: number
  readonly delta: TextDelta
  readonly model: readonly ModelOp[]
}

/** Replicas of a text, each with a model beside it, and the edits on their way between them. */
export class Network {
  readonly texts: Text[]
  readonly models: FugueModel[]
  readonly edits: Edit[] = []

  constructor(replicas: number, options: Partial<TextOptions> = {}) {
    const names = Array.from({ length: replicas }, (_, i) => `r${i}`)
    this.texts = names.map((replica) => createText({ positions: 'code-points', ...options, replica }))
    this.models = names.map((replica) => new FugueModel(replica))
  }

  /** What all replicas have seen. */
  get stable(): VersionVector {
    const [first, ...others] = this.texts as [Text, ...Text[]]
    const entries = [...first.version].map(([node, counter]): [string, number] => [
      node,
      Math.min(counter, ...others.map(({ version }) => version.get(node))),
    ])
    return VersionVector.of(entries)
  }

  run(step: Step): void {
    if (step.do === 'deliver') {
      const edit = this.edits[Math.floor(step.which * this.edits.length)]
      if (edit !== undefined) this.deliver(edit, step.to)
    } else if (step.do === 'sync') this.#sync(step.from, step.to)
    else if (step.do === 'collect') this.#text(step.by).collect(this.stable)
    else if (step.do === 'undo' || step.do === 'redo') {
      const delta = this.#text(step.by)[step.do]()
      if (delta === undefined) return
      const model = modelOf(delta.toJSON() as TextJson, this.#model(step.by))
      this.edits.push({ by: step.by, delta, model })
    } else this.#edit(step)
  }

  #edit(step: Exclude<Step, { readonly do: 'deliver' | 'sync' | 'undo' | 'redo' | 'collect' }>): void {
    const { by } = step
    const { length } = this.#model(by).value
    const at = Math.floor(step.at * (length + 1))
    const count = step.do === 'insert' ? 0 : Math.floor(step.amount * Math.min(5, length - at + 1))
    const target = this.#text(by)
    let delta: TextDelta
    if (step.do === 'replace') delta = target.replace(at, count, step.text)
    else delta = step.do === 'insert' ? target.insert(at, step.text) : target.delete(at, count)
    const model = this.#model(by).delete(at, count)
    if (step.do !== 'delete') model.push(...this.#model(by).insert(at, step.text))
    this.edits.push({ by, delta, model })
  }

  deliver(edit: Edit, to: number): void {
    this.#model(to).receive(edit.model)
    this.#text(to).merge(edit.delta.encode())
  }

  /** Every edit reaches every replica. */
  settle(): void {
    for (const edit of this.edits) {
      for (let to = 0; to < this.texts.length; to++) if (to !== edit.by) this.deliver(edit, to)
    }
  }

  #sync(from: number, to: number): void {
    const [source, target] = [this.#text(from), this.#text(to)]
    target.merge(source.deltaSince(target.version))
    this.#model(to).receive(
      this.edits.flatMap(({ model }) => model.filter(({ id }) => this.#model(from).knows(id))),
    )
  }

  #text(index: number): Text {
    return this.texts[index] as Text
  }

  #model(index: number): FugueModel {
    return this.models[index] as FugueModel
  }
}

/** The edits of a delta as the model has them, taken in by it one by one. */
function modelOf(json: TextJson, model: FugueModel): ModelOp[] {
  const ops: ModelOp[] = []
  const take = (op: ModelOp): void => {
    model.receive([op])
    ops.push(op)
  }
  for (const [replica, edits] of Object.entries(json.edits)) {
    for (const edit of edits) {
      if ('delete' in edit) {
        const [node, first] = edit.target
        for (let i = 0; i < edit.delete; i++) {
          const counter = edit.backwards === true ? first - i : first + i
          take({ id: { replica, counter: edit.at + i }, target: { replica: node, counter } })
        }
        continue
      }
      const idOf = (
        one: readonly [string, number] | null,
      ): { replica: string; counter: number } | undefined =>
        one === null ? undefined : { replica: one[0], counter: one[1] }
      let counter = edit.at
      for (const character of Array.from(edit.insert.join(''))) {
        const isFirst = counter === edit.at
        const isLeft = isFirst && edit.after === undefined
        const parent = isFirst
          ? idOf((isLeft ? edit.before : edit.after) ?? null)
          : { replica, counter: counter - 1 }
        const isUsual = !isFirst || edit.before === undefined
        take({
          id: { replica, counter },
          character,
          parent,
          side: isLeft ? 'left' : 'right',
          rightOrigin: isUsual ? model.rightOriginOf(parent) : idOf(edit.before),
        })
        counter++
      }
    }
  }
  return ops
}
