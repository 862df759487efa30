import type { Layout } from './layout.ts'

export type Direction = 'left' | 'right' | 'up' | 'down' | 'first' | 'last'

/** Which operation the arrow keys lead to; the same one at the edge of the picture. */
export function neighbour(layout: Layout, from: number, direction: Direction): number {
  const here = layout.boxes[from]
  const laneAt = (y: number): number => layout.lanes.findIndex((lane) => y < lane.y + lane.height)
  if (here === undefined) return layout.boxes.findIndex((box) => box !== undefined)
  const wanted = laneAt(here.y) + (direction === 'down' ? 1 : direction === 'up' ? -1 : 0)
  const members = layout.boxes
    .flatMap((box, at) => (box !== undefined && laneAt(box.y) === wanted ? [{ at, x: box.x, box }] : []))
    .toSorted((a, b) => a.x - b.x)
  if (direction === 'first') return members[0]?.at ?? from
  if (direction === 'last') return members.at(-1)?.at ?? from
  if (direction === 'left') return members.findLast(({ at, x }) => x <= here.x && at < from)?.at ?? from
  if (direction === 'right') return members.find(({ at, x }) => x >= here.x && at > from)?.at ?? from
  const middle = here.x + here.width / 2
  const distance = ({ x, box }: (typeof members)[number]): number =>
    Math.max(x - middle, middle - x - box.width, 0)
  return (
    members.reduce<(typeof members)[number] | undefined>(
      (best, one) => (best === undefined || distance(one) < distance(best) ? one : best),
      undefined,
    )?.at ?? from
  )
}
