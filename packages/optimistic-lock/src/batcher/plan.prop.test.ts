import { invariant as must } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Lane, Lanes } from './lanes.ts'
import { fold, summarize } from './plan.ts'

const deltas = fc.array(fc.integer({ min: -6, max: 4 }), { maxLength: 12, size: 'max' })
const units = fc.integer({ min: -5, max: 25 })
const minimum = fc.integer({ min: -3, max: 3 })

test('fold() of a batch is each request alone, one after the other', () => {
  fc.assert(
    fc.property(units, deltas, minimum, (before, list, min) => {
      let left = before
      const alone = list.map((delta) => {
        const { lefts, after } = fold(left, [delta], min)
        left = after
        return lefts[0]
      })
      expect(fold(before, list, min)).toEqual({
        lefts: alone,
        after: left,
        granted: alone.filter((each) => each !== undefined).length,
      })
    }),
  )
})

test('fold() never goes down below the minimum, and refuses only what would', () => {
  fc.assert(
    fc.property(units, deltas, minimum, (before, list, min) => {
      let left = before
      fold(before, list, min).lefts.forEach((each, index) => {
        const delta = list[index] ?? 0
        expect(each === undefined ? left + delta < min : each >= min || delta >= 0).toBe(true)
        left = each ?? left
      })
    }),
  )
})

test('summarize() tells when all are granted, and when none is', () => {
  fc.assert(
    fc.property(units, deltas, minimum, (before, list, min) => {
      const { sums, easiest } = summarize(list)
      must(sums !== undefined, 'small numbers are exact')
      const { after, granted } = fold(before, list, min)
      const isEasy = before + sums.lowest >= min
      expect(isEasy ? [after, granted] : []).toEqual(isEasy ? [before + sums.total, list.length] : [])
      const isHopeless = easiest !== undefined && before + easiest < min
      expect(isHopeless ? [after, granted] : []).toEqual(isHopeless ? [before, 0] : [])
      expect(easiest === undefined).toBe(list.length === 0 || list.some((delta) => delta >= 0))
    }),
  )
})

test('numbers at their end: what is told is exact, and what a number cannot hold is not granted', () => {
  const max = Number.MAX_SAFE_INTEGER
  const huge = fc.oneof(
    fc.maxSafeInteger().filter((delta) => delta !== 0),
    fc.constantFrom(max, -max, max - 1, 1 - max, 1, -1, 2, -2),
  )
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.array(huge, { minLength: 1, maxLength: 6 }), (before, list) => {
      let left = BigInt(before)
      const alone = list.map((delta) => {
        const next = left + BigInt(delta)
        if (next < -max || next > max) return undefined
        return Number((left = next))
      })
      expect(fold(before, list, -max).lefts).toEqual(alone)
      const sums = list.map((_, index) =>
        list.slice(0, index + 1).reduce((sum, delta) => sum + BigInt(delta), 0n),
      )
      const isExact = sums.every((sum) => sum >= -max && sum <= max)
      expect(summarize(list).sums?.total).toEqual(isExact ? Number(sums.at(-1)) : undefined)
      expect(summarize(list).sums?.highest).toEqual(isExact ? Math.max(0, ...sums.map(Number)) : undefined)
    }),
  )
})

interface Asked {
  isWaiting: boolean
  readonly lane: Lane<Asked>
  readonly turn: number
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ add: fc.constantFrom('a', 'b', 'c') }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ finish: fc.nat(), giveBackFrom: fc.nat({ max: 4 }), isStuck: fc.boolean() }),
  },
)

test('Lanes serve each key first come, first served, one batch at a time, whatever is taken, given back and removed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const lanes = new Lanes<Asked>()
      const waiting: Asked[] = []
      const busy = new Map<Lane<Asked>, readonly Asked[]>()
      const served = new Map<string, number[]>()
      const finish = (lane: Lane<Asked>, giveBackFrom: number): void => {
        const requests = busy.get(lane) ?? []
        const back = requests.slice(giveBackFrom)
        served.set(lane.name, [
          ...(served.get(lane.name) ?? []),
          ...requests.slice(0, giveBackFrom).map(({ turn }) => turn),
        ])
        lanes.giveBack({ lane, requests: back })
        waiting.unshift(...back)
        lanes.done(lane)
        busy.delete(lane)
      }
      steps.forEach((each, turn) => {
        if ('add' in each) {
          const lane = lanes.get(each.add) ?? lanes.open(each.add, {})
          const request = { isWaiting: false, lane, turn }
          waiting.push(request)
          lanes.add(lane, request)
        } else if ('remove' in each) {
          const [request] = waiting.splice(each.remove % Math.max(waiting.length, 1), 1)
          if (request !== undefined) lanes.remove(request.lane, request)
        } else if ('take' in each) {
          const groups = lanes.take(each.take)
          const taken = groups.flatMap(({ requests }) => requests)
          must(taken.length <= each.take, 'no more than asked for')
          for (const { lane, requests } of groups) {
            must(!busy.has(lane), 'one batch of a lane at a time')
            // The head of its lane, in order.
            const mine = waiting.filter((request) => request.lane === lane)
            must(
              requests.every((request, place) => request === mine[place]),
              'the head of its lane',
            )
            busy.set(lane, requests)
            for (const request of requests) waiting.splice(waiting.indexOf(request), 1)
          }
          // Nobody is left out while there is room.
          const isFull = taken.length === each.take
          const isAlone = groups.some(({ lane }) => lane.isAlone)
          must(!isAlone || groups.length === 1, 'who goes alone shares with nobody')
          must(
            isFull || isAlone || waiting.every(({ lane }) => busy.has(lane) || lane.isAlone),
            'nobody waits while there is room',
          )
        } else {
          const lane = [...busy.keys()][each.finish % Math.max(busy.size, 1)]
          if (lane !== undefined) {
            lanes.setAlone(lane, each.isStuck)
            finish(lane, each.giveBackFrom)
          }
        }
        expect(lanes.size).toBe(waiting.length)
        expect(lanes.isReady).toBe(waiting.some(({ lane }) => !busy.has(lane)))
      })
      for (const lane of busy.keys()) finish(lane, Infinity)
      while (lanes.size > 0) {
        for (const { lane, requests } of lanes.take(3)) {
          busy.set(lane, requests)
          for (const request of requests) waiting.splice(waiting.indexOf(request), 1)
          finish(lane, Infinity)
        }
      }
      for (const turns of served.values()) expect(turns).toEqual(turns.toSorted((a, b) => a - b))
    }),
  )
})

test('a lane that goes alone keeps its turn, and is known again when it comes back', () => {
  const lanes = new Lanes<Asked>()
  const ask = (name: string): void => {
    const lane = lanes.get(name) ?? lanes.open(name, {})
    lanes.add(lane, { isWaiting: false, lane, turn: 0 })
  }
  const served = (): string[] => {
    const groups = lanes.take(10)
    for (const { lane } of groups) lanes.done(lane)
    return groups.map(({ lane }) => lane.name)
  }
  ask('stuck')
  for (const { lane } of lanes.take(1)) {
    lanes.setAlone(lane, true)
    lanes.done(lane)
  }
  for (const name of ['a', 'stuck', 'b']) ask(name)
  expect(served()).toEqual(['a', 'b'])
  ask('a')
  expect(served()).toEqual(['stuck'])
  expect(served()).toEqual(['a'])

  // Others that were stuck later push it out of what is remembered.
  for (let index = 0; index < 1_000; index++) {
    ask(`other ${index}`)
    for (const { lane } of lanes.take(1)) {
      lanes.setAlone(lane, true)
      lanes.done(lane)
    }
  }
  for (const name of ['a', 'stuck']) ask(name)
  expect(served()).toEqual(['a', 'stuck'])
})
