/** The entries of a map in order of their names, by UTF-16 units: the one order that bytes and JSON have. */
export function sorted<V>(map: ReadonlyMap<string, V>): [name: string, item: V][] {
  const list = [...map]
  return list.length > 1 ? list.toSorted(([a], [b]) => (a < b ? -1 : 1)) : list
}
