import { invariant as must } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Lane, Lanes } from './lanes.ts'
import { fold, summarize } from './plan.ts'

const deltas = fc.array(fc.integer({ min: -6, max: 4 }), { maxLength: 12 })
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

interface Asked {
  isWaiting: boolean
  readonly lane: Lane<Asked>
  readonly turn: number
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ add: fc.constantFrom('a', 'b', 'c') }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ finish: fc.nat(), giveBackFrom: fc.nat({ max: 4 }) }) },
)

test('Lanes serve each key first come, first served, one batch at a time, whatever is taken, given back and removed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
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
          must(isFull || waiting.every(({ lane }) => busy.has(lane)), 'nobody waits while there is room')
        } else {
          const lane = [...busy.keys()][each.finish % Math.max(busy.size, 1)]
          if (lane !== undefined) finish(lane, each.giveBackFrom)
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
