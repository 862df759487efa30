import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createLwwMap, createOrMap, field } from './index.ts'

/** MB of bytes that this isolate holds, once what nobody holds is gone; other tests run in the same process. */
function heldMb(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect() // the second finishes what the first has begun to free
  return getHeapStatistics().external_memory / 2 ** 20
}

const bytes = (index: number): Uint8Array => new Uint8Array(2 ** 19).fill(index)

test('values that were replaced or removed are not kept in memory', () => {
  const map = createLwwMap<Uint8Array>({ replica: 'a' })
  const peer = createLwwMap<Uint8Array>({ replica: 'b' })
  const nested = createOrMap({ replica: 'a', shape: { photo: field.value<Uint8Array>() } })
  const before = heldMb()
  for (let i = 0; i < 60; i++) {
    peer.merge(map.set('photo', bytes(i)).encode())
    nested.at('photo').set(bytes(i))
  }
  nested.clear()
  // One value of half a MB in the map and one at its peer; 90 MB if the log of removals held what they were.
  expect(heldMb() - before).toBeLessThan(10)
  expect(map.get('photo')?.[0]).toBe(59)
  expect(peer.encode()).toEqual(map.encode())
})
