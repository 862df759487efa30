import fc from 'fast-check'
import { type Text, type TextDelta, type TextOptions, createText } from '../index.ts'
import { FugueModel, type ModelOp } from './fugue-model.ts'

/** What happens at a replica; places and amounts are shares of what is there. */
export type Step =
  | { readonly do: 'insert'; readonly by: number; readonly at: number; readonly text: string }
  | { readonly do: 'delete'; readonly by: number; readonly at: number; readonly amount: number }
  /** One of the edits made so far reaches the replica, whether it has it or not. */
  | { readonly do: 'deliver'; readonly to: number; readonly which: number }
  /** All edits of another replica reach it, as one delta. */
  | { readonly do: 'sync'; readonly to: number; readonly from: number }

const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
const text = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[a-z]{1,4}$/) },
  fc.constantFrom('😀', 'a😀b', '😀😀', 'é', '\u{1f468}\u200d\u{1f469}'),
)

export const steps = (replicas: number, maxLength = 40): fc.Arbitrary<Step[]> => {
  const replica = fc.nat(replicas - 1)
  return fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant('insert' as const), by: replica, at: share, text }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant('delete' as const), by: replica, at: share, amount: share }),
      },
      { weight: 6, arbitrary: fc.record({ do: fc.constant('deliver' as const), to: replica, which: share }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('sync' as const), to: replica, from: replica }) },
    ),
    { maxLength },
  )
}

/** An edit as made: by the text and by the model. */
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

  run(step: Step): void {
    if (step.do === 'deliver') {
      const edit = this.edits[Math.floor(step.which * this.edits.length)]
      if (edit !== undefined) this.deliver(edit, step.to)
    } else if (step.do === 'sync') {
      const [to, from] = [this.texts[step.to], this.texts[step.from]] as [Text, Text]
      const had = from.version
      to.merge(from.deltaSince(to.version))
      this.#model(step.to).receive(
        this.edits.flatMap(({ model }) => model.filter(({ id }) => had.get(id.replica) >= id.counter)),
      )
    } else {
      const { length } = this.#model(step.by).value
      const at = Math.floor(step.at * (length + 1))
      if (step.do === 'insert') this.insert(step.by, at, step.text)
      else this.delete(step.by, at, Math.floor(step.amount * Math.min(5, length - at + 1)))
    }
  }

  insert(by: number, at: number, inserted: string): void {
    const delta = (this.texts[by] as Text).insert(at, inserted)
    this.edits.push({ by, delta, model: this.#model(by).insert(at, inserted) })
  }

  delete(by: number, at: number, count: number): void {
    const delta = (this.texts[by] as Text).delete(at, count)
    this.edits.push({ by, delta, model: this.#model(by).delete(at, count) })
  }

  deliver(edit: Edit, to: number): void {
    this.#model(to).receive(edit.model)
    ;(this.texts[to] as Text).merge(edit.delta.encode())
  }

  /** Every edit reaches every replica. */
  settle(): void {
    for (const edit of this.edits) {
      for (let to = 0; to < this.texts.length; to++) if (to !== edit.by) this.deliver(edit, to)
    }
  }

  #model(index: number): FugueModel {
    return this.models[index] as FugueModel
  }
}
