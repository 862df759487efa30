// The pictures of docs/explanation/merge.md. Every state in them is what the library says, at that moment.
import {
  createBoundedCounter,
  createCart,
  createOrSet,
  createPnCounter,
  decodeBoundedCounter,
} from '@quorate/crdt'
import { createText } from '@quorate/crdt/text'
import { VersionVector } from '@quorate/vector-clock'
import { Story } from './story.ts'

/** Two devices and a server that keeps the later of two values. */
function lastWriteWins(): Story {
  const story = new Story('Last write wins: the later cart replaces the other', ['phone', 'laptop', 'server'])
  interface Stamped {
    readonly items: readonly string[]
    readonly at: string
  }
  const show = ({ items, at }: Stamped): string => `${at} [${items.join(', ')}]`
  const later = (a: Stamped, b: Stamped): Stamped => (a.at > b.at ? a : b)
  const phone = { items: ['tv'], at: '09:00:01' }
  const laptop = { items: ['hdmi-cable'], at: '09:00:02' }
  const onPhone = story.step('phone', 'add tv', show(phone))
  const onLaptop = story.step('laptop', 'add hdmi-cable', show(laptop))
  const first = story.step('server', 'write', show(phone), { from: onPhone })
  const kept = later(phone, laptop)
  const second = story.step('server', 'write', show(kept), { from: onLaptop, mood: 'lost' })
  story.step('phone', 'read: the tv is gone', show(kept), { from: second, mood: 'lost' })
  void first
  return story
}

function cart(): Story {
  const story = new Story('A cart that merges: both edits stay', ['phone', 'laptop', 'server'])
  const phone = createCart({ replica: 'phone' })
  const laptop = createCart({ replica: 'laptop' })
  const server = createCart({ replica: 'server' })
  const show = (of: typeof phone): string =>
    of
      .items()
      .map(({ sku, quantity }) => `${quantity} × ${sku}`)
      .join(', ')
  const tv = phone.add('tv')
  const onPhone = story.step('phone', 'add tv', show(phone))
  const cable = laptop.add('hdmi-cable', 2)
  const onLaptop = story.step('laptop', 'add 2 hdmi-cable', show(laptop))
  server.merge(tv)
  story.step('server', 'merge', show(server), { from: onPhone })
  server.merge(cable)
  const both = story.step('server', 'merge', show(server), { from: onLaptop })
  phone.merge(server)
  story.step('phone', 'merge', show(phone), { from: both })
  laptop.merge(server)
  story.step('laptop', 'merge', show(laptop), { from: both })
  return story
}

function observedRemove(): Story {
  const story = new Story('A removal takes away what it has seen, no more', ['a', 'b'])
  const a = createOrSet({ replica: 'a' })
  const b = createOrSet({ replica: 'b' })
  const show = (set: typeof a): string[] => {
    const { context, entries } = set.toJSON()
    const there = entries.map(
      (entry) => `${String(entry['element'])}@${String(entry['node'])}${String(entry['counter'])}`,
    )
    const seen = Object.entries(context).map(
      ([node, runs]) => `${node}:${runs.map((run) => run.join('–')).join(',')}`,
    )
    return [`{ ${there.join(' ')} }`, `seen ${seen.join(' ')}`]
  }
  a.add('tea')
  const added = story.step('a', 'add tea', show(a))
  b.merge(a)
  story.step('b', 'merge', show(b), { from: added })
  const removal = b.remove('tea')
  const removed = story.step('b', 'remove tea', show(b))
  const again = a.add('tea')
  const addedAgain = story.step('a', 'add tea again', show(a))
  a.merge(removal)
  story.step('a', 'merge the removal', show(a), { from: removed })
  b.merge(again)
  story.step('b', 'merge the add', show(b), { from: addedAgain })
  return story
}

function counter(): Story {
  const story = new Story('A counter: a row for each replica, the larger one counts', ['eu', 'us', 'ap'])
  const replicas = {
    eu: createPnCounter({ replica: 'eu' }),
    us: createPnCounter({ replica: 'us' }),
    ap: createPnCounter({ replica: 'ap' }),
  }
  const show = (of: typeof replicas.eu): string[] => [
    ...Object.entries(of.toJSON().counts).map(([name, [plus, minus]]) => `${name} +${plus} −${minus}`),
    `value ${of.value}`,
  ]
  const { eu, us, ap } = replicas
  const first = eu.increment(5)
  const inEu = story.step('eu', 'increment 5', show(eu))
  const second = us.decrement(2)
  const inUs = story.step('us', 'decrement 2', show(us))
  ap.merge(second)
  story.step('ap', 'merge', show(ap), { from: inUs })
  ap.merge(first)
  story.step('ap', 'merge', show(ap), { from: inEu })
  ap.merge(first)
  story.step('ap', 'the same again', show(ap), { from: inEu })
  return story
}

function anyOrder(): Story {
  const story = new Story('Late, early, twice: the end is the same', ['writer', 'one', 'other'])
  const writer = createOrSet({ replica: 'w' })
  const one = createOrSet({ replica: 'x' })
  const other = createOrSet({ replica: 'y' })
  const show = (of: typeof writer): string => `{ ${[...of].toSorted().join(' ')} }${of.hasGaps ? ' gap' : ''}`
  const add = writer.add('tea')
  const added = story.step('writer', 'add tea', show(writer))
  const remove = writer.remove('tea')
  const removed = story.step('writer', 'remove tea', show(writer))
  one.merge(add)
  story.step('one', 'merge the add', show(one), { from: added })
  one.merge(remove)
  story.step('one', 'merge the removal', show(one), { from: removed })
  one.merge(add)
  story.step('one', 'the add again', show(one), { from: added })
  other.merge(remove)
  story.step('other', 'the removal first', show(other), { from: removed })
  other.merge(add)
  story.step('other', 'then the add', show(other), { from: added })
  return story
}

function conflict(): Story {
  const story = new Story('A version vector sees what a clock cannot', ['node1', 'node2'])
  const show = (of: VersionVector, verdict?: string): string[] => [
    `{ ${[...of].map(([node, count]) => `${node}: ${count}`).join(', ')} }`,
    ...(verdict === undefined ? [] : [verdict]),
  ]
  const start = VersionVector.of({ node1: 1, node2: 1 })
  const one = start.increment('node1')
  const two = start.increment('node2')
  story.step('node1', 'begins', show(start))
  story.step('node2', 'begins', show(start))
  const atOne = story.step('node1', 'writes', show(one, `${one.compare(start)} the beginning`))
  story.step('node2', 'writes', show(two, `${two.compare(start)} the beginning`))
  story.step('node2', 'compares', show(two, `is ${two.compare(one)} to node1's`), {
    from: atOne,
    mood: 'wait',
  })
  story.step('node2', 'merges', show(two.merge(one), `${two.merge(one).compare(one)} both`))
  return story
}

function bounded(): Story {
  const story = new Story('A bounded counter: who sells must hold the right to', ['eu', 'us'])
  const eu = createBoundedCounter({ replica: 'eu' })
  const show = (of: typeof eu): string[] => [`value ${of.value}`, `may sell ${of.available}`]
  eu.increment(3)
  const stocked = story.step('eu', 'increment 3', show(eu))
  const us = decodeBoundedCounter(eu.encode(), { replica: 'us' })
  story.step('us', 'hears of it', show(us), { from: stocked })
  const refused = us.decrement(1)
  story.step('us', `decrement 1: ${refused === undefined ? 'no right here' : 'done'}`, show(us), {
    mood: 'lost',
  })
  eu.transfer(1, 'us')
  const given = story.step('eu', 'transfer 1 to us', show(eu))
  us.merge(eu)
  story.step('us', 'merge', show(us), { from: given })
  const more = us.decrement(1)
  if (more === undefined) throw new Error('the right has arrived')
  story.step('us', 'decrement 1', show(us))
  eu.decrement(2)
  story.step('eu', 'decrement 2', show(eu))
  return story
}

function text(): Story {
  const story = new Story('Text: what one writes at a place stays in one piece', ['ann', 'ben'])
  const ann = createText({ replica: 'ann' })
  const ben = createText({ replica: 'ben' })
  const show = (of: typeof ann): string => `"${of.toString()}"`
  const keys = (of: typeof ann, word: string): void => {
    for (const letter of word) of.insert(of.length, letter)
  }
  keys(ann, 'Hello')
  const byAnn = story.step('ann', 'types Hello, key by key', show(ann))
  keys(ben, 'World')
  const byBen = story.step('ben', 'types World, key by key', show(ben))
  const early = ann.encode()
  ann.merge(ben)
  story.step('ann', 'merge', show(ann), { from: byBen })
  ben.merge(early)
  story.step('ben', 'merge', show(ben), { from: byAnn })
  return story
}

/** File name without ending, and how the picture is made. */
export const STORIES: Readonly<Record<string, () => Story>> = {
  'last-write-wins': lastWriteWins,
  cart,
  'observed-remove': observedRemove,
  counter,
  'any-order': anyOrder,
  bounded,
  text,
  conflict,
}
