/** Node at which a transaction reads, and node at which it writes: the same one unless the level splits them. */
export const snapshotOf = (split: boolean, member: number): number => (split ? member * 2 : member)
export const commitOf = (split: boolean, member: number): number => (split ? member * 2 + 1 : member)
