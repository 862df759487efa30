// What happened to a few replicas, to be drawn: each step is one box on a replica's line.

/** How a step came out, for its colour. */
export type Mood = 'edit' | 'merge' | 'wait' | 'lost'

export interface Step {
  readonly lane: number
  /** What was done, above the box. */
  readonly label: string
  /** What the replica holds then: lines of text in the box. */
  readonly state: readonly string[]
  readonly mood: Mood
  /** The step whose outcome came in here. */
  readonly from: Step | undefined
}

/** A picture in the making. Steps stand in the order in which they are told. */
export class Story {
  readonly title: string
  readonly lanes: readonly string[]
  readonly steps: Step[] = []

  constructor(title: string, lanes: readonly string[]) {
    this.title = title
    this.lanes = lanes
  }

  /**
   * @param state what the replica really holds: made from the object, never typed in.
   */
  step(
    lane: string,
    label: string,
    state: string | readonly string[],
    { mood, from }: { readonly mood?: Mood; readonly from?: Step } = {},
  ): Step {
    const index = this.lanes.indexOf(lane)
    if (index < 0) throw new RangeError(`There is no lane ${lane}`)
    const step: Step = {
      lane: index,
      label,
      state: typeof state === 'string' ? [state] : state,
      mood: mood ?? (from === undefined ? 'edit' : 'merge'),
      from,
    }
    this.steps.push(step)
    return step
  }
}
