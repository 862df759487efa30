/** All that a bench needs: see ../README.md. */
export { bench, type BenchOptions } from './bench.ts'
export { isolated } from './isolated.ts'
export { cpuMsOf, type Load, type LoadOptions, timed, underLoad } from './measure.ts'
export type { Case, Figure, Group, Sample } from './rounds.ts'
export { median, percentile, spread } from './statistics.ts'
