// What must compile and what must not: checked by tsc, never run.
import { z } from 'zod'
import {
  createOrMap,
  type CrdtValue,
  decodeOrMap,
  field,
  type Frozen,
  type OrMap,
  type OrMapDelta,
} from './index.ts'

interface Preferences {
  theme: 'light' | 'dark'
  sizes: number[]
}
const replica = 'a'
const shape = {
  name: field.value<string>(),
  preferences: field.value<Preferences>(),
  email: field.value({ schema: z.email() }),
  phones: field.conflicts<string>(),
  visits: field.counter(),
  active: field.flag(),
  tags: field.set<'new' | 'vip'>(),
  basket: field.cart(),
  scores: field.mapOf(field.counter()),
  addresses: field.mapOf({ street: field.value<string>(), log: field.record({ seen: field.counter() }) }),
  any: field.value(),
}
const user = createOrMap({ replica, shape })

// The value is a plain object, typed by the shape.
const { value } = user
const name: string | undefined = value.name
const theme: 'light' | 'dark' | undefined = value.preferences?.theme
const email: string | undefined = value.email
const phones: readonly string[] = value.phones
const visits: number = value.visits
const active: boolean = value.active
const tags: readonly ('new' | 'vip')[] = value.tags
const quantity: number | undefined = value.basket['tv']
const seen: number | undefined = value.addresses['home']?.log.seen
const any: Frozen<CrdtValue> | undefined = value.any
// @ts-expect-error no such field
const none = value.nme
// @ts-expect-error frozen
value.visits = 1
// @ts-expect-error at any depth
value.preferences?.sizes.push(1)

// Handles are typed too.
const delta: OrMapDelta = user.at('addresses').at('home').at('log').at('seen').increment()
const street: string | undefined = user.at('addresses').at('home').at('street').value
const keys: ('name' | 'visits' | 'tags')[] = []
for (const key of user.keys()) if (key === 'name' || key === 'visits') keys.push(key)
const people: string[] = user.at('addresses').keys()
user.at('preferences').set({ theme: 'dark', sizes: [1] })
for (const tag of user.at('tags')) user.at('tags').remove(tag)
// @ts-expect-error no such field
user.at('nme')
// @ts-expect-error nor below
user.at('addresses').at('home').at('no')
// @ts-expect-error a counter is not set
user.at('visits').set(1)
// @ts-expect-error a value is not counted
user.at('name').increment()
// @ts-expect-error a map has no value of its own to set
user.at('addresses').set({})
// @ts-expect-error not a string
user.at('name').set(1)
// @ts-expect-error not what the schema takes
user.at('email').set(1)
// @ts-expect-error not one of the elements
user.at('tags').add('old')
// @ts-expect-error not one of the two
user.at('preferences').set({ theme: 'blue', sizes: [] })
// @ts-expect-error no such field
user.delete('nme')
// @ts-expect-error names are texts
user.at('scores').at(1)
// @ts-expect-error dates cannot be held
field.value<Date>()
// @ts-expect-error the schema is of another type
field.value<number>({ schema: z.string() })
// @ts-expect-error not a field
field.mapOf({ a: 1 })
// @ts-expect-error not a field
createOrMap({ replica, shape: { a: 'counter' } })
// @ts-expect-error a counter alone is no map
createOrMap({ replica, shape: field.counter() })
// @ts-expect-error a shape is needed
createOrMap({ replica })

// A map by any name at the root.
const counters = decodeOrMap(new Uint8Array(), { replica, shape: field.mapOf(field.counter()) })
const count: number | undefined = counters.value['x']
counters.at('x').increment()
const copy: typeof user = user.clone({ replica: 'b' })
// @ts-expect-error a map of another shape
const wrong: typeof user = counters

/** A function for maps with a counter. */
const visit = (map: { at(name: 'visits'): { increment(): OrMapDelta } }): OrMapDelta =>
  map.at('visits').increment()
visit(user)
type User = typeof user extends OrMap<infer C> ? C : never
declare const shapeOfUser: User
void [
  active,
  any,
  copy,
  count,
  delta,
  email,
  keys,
  name,
  none,
  people,
  phones,
  quantity,
  seen,
  street,
  tags,
  theme,
  visits,
  wrong,
  shapeOfUser,
]
