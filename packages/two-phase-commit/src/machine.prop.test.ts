import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  begin,
  beginRecovery,
  type Decision,
  type Effect,
  type Event,
  type Settlement,
  type State,
  step,
} from './machine.ts'

const MEMBERS = ['a', 'b', 'c']
const member = fc.constantFrom(...MEMBERS, 'stranger')
const decision = fc.constantFrom<Decision>('commit', 'abort')
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('vote'), from: member, vote: fc.constant('yes') }) },
  fc.record({ type: fc.constant('vote'), from: member, vote: fc.constantFrom('no', 'unknown') }),
  fc.record({ type: fc.constant('give-up') }),
  { weight: 3, arbitrary: fc.record({ type: fc.constant('registered'), decision }) },
  fc.record({ type: fc.constant('register-unknown') }),
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('settled'),
      settlement: fc.record({
        decision: fc.option(decision, { nil: undefined }),
        members: fc.subarray(MEMBERS),
        closed: fc.boolean(),
      }),
    }),
  },
  fc.record({ type: fc.constant('settle-unknown') }),
  { weight: 6, arbitrary: fc.record({ type: fc.constantFrom('acknowledged', 'unreachable'), from: member }) },
) as fc.Arbitrary<Event>

/** All that one process did, and after which event. */
function play(first: readonly [State, readonly Effect[]], events: readonly Event[]) {
  let [state, effects] = first
  const done: { readonly effect: Effect; readonly after: readonly Event[] }[] = []
  const note = (after: readonly Event[]): void => {
    for (const effect of effects) done.push({ effect, after })
  }
  note([])
  events.forEach((one, index) => {
    ;[state, effects] = step(state, one)
    note(events.slice(0, index + 1))
  })
  return { state, done }
}

test('any order of events: one decision, told only once it stands, to each member once', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30, size: 'max' }), fc.boolean(), (events, recovers) => {
      const { done } = play(recovers ? beginRecovery(['a', 'b']) : begin(MEMBERS), events)
      const told = done.filter(({ effect }) => effect.type === 'tell')
      const decisions = new Set(told.map(({ effect }) => (effect.type === 'tell' ? effect.decision : '')))
      expect(decisions.size).toBeLessThanOrEqual(1)
      const receivers = told.map(({ effect }) => (effect.type === 'tell' ? effect.to : ''))
      expect(new Set(receivers).size).toBe(receivers.length)
      for (const { after } of told.filter(
        ({ effect }) => effect.type === 'tell' && effect.decision === 'commit',
      )) {
        const says = after.some(
          (one) =>
            (one.type === 'registered' && one.decision === 'commit') ||
            (one.type === 'settled' && one.settlement.decision === 'commit'),
        )
        expect(says).toBe(true)
      }
    }),
    { numRuns: 3_000 },
  )
})

test('commit is offered once, after a yes of every member; the record is deleted after every acknowledgement', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30, size: 'max' }), fc.boolean(), (events, recovers) => {
      const { done } = play(recovers ? beginRecovery(MEMBERS) : begin(MEMBERS), events)
      const offers = done.filter(({ effect }) => effect.type === 'register')
      expect(offers.length).toBeLessThanOrEqual(recovers ? 0 : 1)
      const yes = (after: readonly Event[]): boolean =>
        MEMBERS.every((name) =>
          after.some((one) => one.type === 'vote' && one.from === name && one.vote === 'yes'),
        )
      expect(offers.every(({ after }) => yes(after))).toBe(true)
      const acknowledged = (after: readonly Event[]): boolean =>
        MEMBERS.every((name) => after.some((one) => one.type === 'acknowledged' && one.from === name))
      const deletions = done.filter(({ effect }) => effect.type === 'forget')
      expect(deletions.length).toBeLessThanOrEqual(1)
      expect(deletions.every(({ after }) => acknowledged(after))).toBe(true)
    }),
    { numRuns: 3_000 },
  )
})

test('what is over stays over', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30, size: 'max' }), event, (events, late) => {
      const { state } = play(begin(MEMBERS), events)
      const [next, effects] = step(state, late)
      const isOver = state.phase === 'ended'
      expect(isOver && (next !== state || effects.length > 0)).toBe(false)
    }),
  )
})

/** A coordinator and two recoverers in one world, where replies are lost, doubled and late. */
class World {
  readonly members: Map<string, 'working' | 'prepared' | Decision> = new Map(
    MEMBERS.map((name) => [name, 'working']),
  )
  register: Decision | undefined
  wrote: Decision | undefined
  closed = false
  /** Does the record say who was prepared? */
  namesMembers = true
  readonly #processes: State[] = []
  readonly pending: { readonly who: number; readonly run: () => Event | undefined }[] = []
  readonly wrong: string[] = []

  start([state, effects]: readonly [State, readonly Effect[]]): void {
    this.#processes.push(state)
    this.#plan(this.#processes.length - 1, effects)
  }

  tell(who: number, one: Event): void {
    const before = this.#processes[who]
    if (before === undefined) return
    const [state, effects] = step(before, one)
    this.#processes[who] = state
    this.#plan(who, effects)
  }

  state(who: number): State | undefined {
    return this.#processes[who]
  }

  #plan(who: number, effects: readonly Effect[]): void {
    for (const effect of effects) this.pending.push({ who, run: () => this.#do(who, effect) })
  }

  #do(who: number, effect: Effect): Event | undefined {
    switch (effect.type) {
      case 'prepare': {
        const at = this.members.get(effect.to)
        if (at === 'working') this.members.set(effect.to, 'prepared')
        return { type: 'vote', from: effect.to, vote: at === 'abort' ? 'no' : 'yes' }
      }
      case 'register':
        if (this.closed && this.register === undefined) return { type: 'registered', decision: 'abort' }
        this.#write('commit')
        return { type: 'registered', decision: this.register ?? 'abort' }
      case 'settle':
        if (!this.closed) this.#write('abort')
        return { type: 'settled', settlement: this.#settlement() }
      case 'tell': {
        const at = this.members.get(effect.to)
        // Only what is prepared obeys; a plain rollback ends what is not, and only its coordinator can send one.
        if (at === 'prepared' || (at === 'working' && effect.decision === 'abort' && who === 0))
          this.members.set(effect.to, effect.decision)
        if (at === 'working' && effect.decision === 'commit')
          this.wrong.push(`${effect.to} was told before it had voted`)
        return { type: 'acknowledged', from: effect.to }
      }
      case 'forget':
        if ([...this.members.values()].includes('prepared')) this.wrong.push('forgotten too early')
        this.register = undefined
        return undefined
      default:
        return effect satisfies never
    }
  }

  #settlement(): Settlement {
    const members = this.register === 'commit' && this.namesMembers ? MEMBERS : []
    return { decision: this.register, members, closed: this.closed }
  }

  #write(what: Decision): void {
    this.register ??= what
    this.wrote ??= this.register
  }
}

test('a coordinator and two recoverers, replies lost, doubled and late: members never disagree', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat(99)), (chance) => {
      const world = new World()
      const draw = (): number => chance.next().value ?? 0
      world.namesMembers = draw() < 50
      world.start(begin(MEMBERS))
      for (let turn = 0; turn < 60; turn++) {
        const luck = draw()
        if (luck < 3) world.tell(0, { type: 'give-up' })
        else if (luck < 5) world.closed = true
        else if (luck < 12) {
          const found = MEMBERS.filter((name) => world.members.get(name) === 'prepared')
          if (found.length > 0) world.start(beginRecovery(found))
        }
        const [next] = world.pending.splice(draw() % Math.max(1, world.pending.length), 1)
        if (next === undefined) continue
        const answer = next.run()
        if (draw() < 4) next.run() // the request came twice
        if (answer === undefined) continue
        const isLost = draw() < 12
        world.tell(next.who, isLost ? lost(answer) : answer)
        if (draw() < 10) world.tell(next.who, answer) // the reply came late, or twice
      }
      const ends = new Set([...world.members.values()].filter((at) => at === 'commit' || at === 'abort'))
      expect(world.wrong).toEqual([])
      expect(ends.size).toBeLessThanOrEqual(1)
      const own = world.state(0)
      const answer = own?.phase === 'ended' ? own.decision : undefined
      seen.add(`${answer}`)
      // What the coordinator told its caller is what became of it.
      const lies = [...ends].filter((end) => answer !== undefined && end !== answer)
      expect(lies).toEqual([])
    }),
    { numRuns: 4_000 },
  )
  expect([...seen].toSorted()).toEqual(['abort', 'commit', 'undefined'])
})

function lost(answer: Event): Event {
  if (answer.type === 'vote') return { ...answer, vote: 'unknown' }
  if (answer.type === 'registered') return { type: 'register-unknown' }
  if (answer.type === 'settled') return { type: 'settle-unknown' }
  return answer.type === 'acknowledged' ? { type: 'unreachable', from: answer.from } : answer
}

test('a recoverer deletes a record of commit only if that names all who were prepared', () => {
  const acknowledged: Event = { type: 'acknowledged', from: 'a' }
  for (const [members, effects] of [
    [[], []],
    [['a'], [{ type: 'forget' }]],
  ] as const) {
    const [found] = beginRecovery(['a'])
    const [told] = step(found, { type: 'settled', settlement: { decision: 'commit', members, closed: true } })
    expect(step(told, acknowledged)[1]).toEqual(effects)
  }
})
