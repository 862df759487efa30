// What must compile and what must not: checked by tsc, never run.
import { z } from 'zod'
import { createLwwMap, createLwwRegister, createMvRegister, type CrdtValue } from './index.ts'

interface Address {
  street: string
  lines?: string[]
  at: { lat: number; bytes: Uint8Array; big: bigint | null }
}
const replica = 'a'

const register = createLwwRegister<Address>({ replica })
const value = register.value
if (value !== undefined) {
  const street: string = value.street
  const lines: readonly string[] | undefined = value.lines
  register.set({ ...value, street: `${street} ${lines?.length}` }) // what was handed out goes back in
  // @ts-expect-error what is handed out is frozen
  value.street = 'x'
  // @ts-expect-error at any depth
  value.at.lat = 1
  // @ts-expect-error lists too
  value.lines?.push('x')
}
// @ts-expect-error a key is missing
register.set({ street: 'x' })
// @ts-expect-error a key of another type
register.set({ street: 1, at: { lat: 1, bytes: new Uint8Array(), big: null } })
// @ts-expect-error no value: clear() is for that
register.set(undefined)

// @ts-expect-error dates cannot be held
createLwwRegister<Date>({ replica })
// @ts-expect-error nor deep inside
createMvRegister<{ at: { on: Date } }>({ replica })
// @ts-expect-error nor maps
createLwwMap<Map<string, string>>({ replica })
// @ts-expect-error nor methods
createLwwMap<{ run(): void }>({ replica })
// @ts-expect-error nor lists of functions
createLwwMap<(() => void)[]>({ replica })

const any: CrdtValue | undefined = createLwwRegister({ replica }).value
const schema = z.object({ name: z.string(), age: z.int().optional() })
const person = createMvRegister({ replica, schema })
person.set({ name: 'x' })
const names: readonly string[] = person.values.map((one) => one.name)
// @ts-expect-error not what the schema says
person.set({ name: 1 })
// @ts-expect-error the schema is of another type
createLwwMap<number>({ replica, schema: z.string() })
// @ts-expect-error a replica is needed
createLwwMap<number>({})

const map = createLwwMap<{ theme: 'light' | 'dark' }>({ replica })
map.set('x', { theme: 'light' })
const theme: 'light' | 'dark' | undefined = map.get('x')?.theme
const all: ReadonlyMap<string, { readonly theme: 'light' | 'dark' }> = map.value
// @ts-expect-error not one of the two
map.set('x', { theme: 'blue' })
// @ts-expect-error maps have texts as keys
map.set(1, { theme: 'light' })
// @ts-expect-error a register is not a map
map.merge(register)

export { all, any, names, theme }
