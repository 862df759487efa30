import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shown, startState, step, type Effect, type KeyEvent, type KeyState } from './optimistic-state.ts'

/**
 * The server: a history of values, each of them its index, so that "older" is "smaller". Values of our own updates
 * are unknown before they are written, so an update says its id and the history which id was written when.
 */
interface Entry {
  readonly by: number | 'somebody'
}

type Choice =
  | { readonly type: 'update'; readonly latest: boolean }
  | { readonly type: 'refresh' }
  | { readonly type: 'somebody' }
  | {
      readonly type: 'go-on'
      readonly pick: number
      readonly how: 'works' | 'refused' | 'lost-answer' | 'lost-request' | 'late'
      readonly lag: number
    }

const choices = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('update' as const), latest: fc.boolean() }),
    fc.constant({ type: 'refresh' as const }),
    fc.constant({ type: 'somebody' as const }),
    fc.record({
      type: fc.constant('go-on' as const),
      pick: fc.nat(20),
      how: fc.constantFrom('works', 'works', 'refused', 'lost-answer', 'lost-request', 'late'),
      lag: fc.nat(3),
    }),
  ),
  { maxLength: 60, size: 'max' },
)

/** What is shown: which entry of the history, and updates on top. */
interface Seen {
  readonly at: number
  readonly by: Entry['by']
  readonly on: readonly number[]
}

class World {
  readonly history: Entry[] = [{ by: 'somebody' }]
  /** How far the client's token reaches; each read moves it to what it saw, as at level `monotonic`. */
  token = 0
  state: KeyState<Seen> = startState<Seen>({ value: { at: 0, by: 'somebody', on: [] } })
  readonly underWay: { effect: Exclude<Effect, { type: 'end' }>; token: number }[] = []
  /** Writes whose answers are lost and that are done later. */
  readonly late: number[] = []
  readonly wereLate = new Set<number>()
  readonly ends = new Map<number, { readonly type: string; readonly outcome?: string }>()
  readonly problems: string[] = []
  updates = 0

  get now(): number {
    return this.history.length - 1
  }

  send(event: KeyEvent<Seen>): void {
    const { at } = this.#base
    const { state, effects } = step(this.state, event)
    this.state = state
    if (this.#base.at < at) this.problems.push(`went back from ${at} to ${this.#base.at}`)
    for (const effect of effects) {
      if (effect.type !== 'end') this.underWay.push({ effect, token: this.token })
      else if (this.ends.has(effect.update)) this.problems.push(`${effect.update} ended twice`)
      else this.ends.set(effect.update, effect.end)
      if (effect.type === 'end' && effect.end.type === 'rolled-back' && effect.end.reason === 'disagreed') {
        const writtenAt = this.history.findIndex(({ by }) => by === effect.update)
        if (this.#base.at < writtenAt && !this.wereLate.has(effect.update)) {
          this.problems.push(`${effect.update} taken back by a read from before it`)
        }
      }
    }
    const writes = this.underWay.filter(({ effect }) => effect.type === 'write')
    if (writes.length > 1) this.problems.push('two writes of one key at once')
  }

  update(latest: boolean): void {
    const id = ++this.updates
    this.send({
      type: 'update',
      update: {
        id,
        latest,
        change: (value) => ({ at: value?.at ?? 0, by: id, on: [...(value?.on ?? []), id] }),
        isDone: (read, expected) => read.by === expected.by,
      },
    })
    const shows = shown(this.state)?.by
    if (shows !== id) this.problems.push(`update ${id} is not shown at once, but ${shows}`)
  }

  apply(id: number): void {
    this.history.push({ by: id })
  }

  read(token: number, lag: number): Seen {
    const at = Math.max(token, this.now - lag)
    return { at, by: this.history[at]?.by ?? 'somebody', on: [] }
  }

  goOn({ pick, how, lag }: Extract<Choice, { type: 'go-on' }>): void {
    if (how === 'late' && this.late.length > 0) this.apply(this.late.shift() ?? 0)
    const [one] = this.underWay.splice(pick % Math.max(1, this.underWay.length), 1)
    if (one === undefined) return
    const { effect, token } = one
    if (effect.type === 'write') return this.#write(effect.update, how)
    if (how === 'lost-request' || how === 'refused') {
      return this.send({ type: 'read-failed', read: effect.read, cause: how })
    }
    const value = this.read(token, lag)
    this.token = Math.max(this.token, value.at)
    this.send({ type: 'read', read: effect.read, value })
  }

  #write(update: number, how: Extract<Choice, { type: 'go-on' }>['how']): void {
    if (how === 'refused') return this.send({ type: 'answer', update, answer: 'refused' })
    if (how === 'late') {
      this.late.push(update)
      this.wereLate.add(update)
    } else if (how !== 'lost-request') this.apply(update)
    // Also without an answer: the next read is then one of the primary.
    this.token = this.now
    this.send({ type: 'answer', update, answer: how === 'works' ? 'written' : 'unknown' })
  }

  /** All that is under way comes to its end, well; then the replicas catch up. */
  drain(): void {
    const well = { type: 'go-on', pick: 0, how: 'works', lag: 0 } as const
    for (const id of this.late.splice(0)) this.apply(id)
    while (this.underWay.length > 0) this.goOn(well)
    this.send({ type: 'refresh' })
    while (this.underWay.length > 0) this.goOn(well)
  }

  get #base(): Seen {
    return this.state.base?.value ?? { at: -1, by: 'somebody', on: [] }
  }
}

function run(script: readonly Choice[]): World {
  const world = new World()
  for (const choice of script) {
    if (choice.type === 'update') world.update(choice.latest)
    else if (choice.type === 'refresh') world.send({ type: 'refresh' })
    else if (choice.type === 'somebody') world.history.push({ by: 'somebody' })
    else world.goOn(choice)
  }
  world.drain()
  return world
}

test('in every order of answers: one write at a time, never back, and in the end what the server has', () => {
  fc.assert(
    fc.property(choices, (script) => {
      const { problems, state, history, now } = run(script)
      expect(problems).toEqual([])
      expect(state.phase).toEqual({ type: 'idle' })
      expect(shown(state)).toEqual({ at: now, by: history[now]?.by, on: [] })
    }),
    { numRuns: 3_000 },
  )
})

test('in every order of answers: each update ends once, and its end is true', () => {
  fc.assert(
    fc.property(choices, (script) => {
      const { ends, updates, history } = run(script)
      expect(ends.size).toBe(updates)
      const written = new Set(history.map(({ by }) => by))
      const twice = history.filter(
        ({ by }, at) => by !== 'somebody' && history.findIndex((e) => e.by === by) !== at,
      )
      expect(twice).toEqual([])
      for (const [id, { type, outcome }] of ends) {
        const mustBe = type === 'confirmed' || type === 'accepted'
        const mustNotBe = type === 'superseded' || outcome === 'not-applied'
        expect({ id, type, written: written.has(id) }).toEqual({
          id,
          type,
          written: mustBe || (!mustNotBe && written.has(id)),
        })
      }
    }),
    { numRuns: 3_000 },
  )
})

test('in every order of answers: updates that are written are written in the order they were made', () => {
  fc.assert(
    fc.property(choices, (script) => {
      // Those that come late are out of our hands.
      const { history } = run(
        script.map((one) => (one.type === 'go-on' && one.how === 'late' ? { ...one, how: 'works' } : one)),
      )
      const own = history.flatMap(({ by }) => (by === 'somebody' ? [] : [by]))
      expect(own).toEqual(own.toSorted((a, b) => a - b))
    }),
    { numRuns: 1_000 },
  )
})
