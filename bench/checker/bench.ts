// The checks of @quorate/checker, a file for each group.
import { bench } from '../harness/index.ts'
import { linearizabilityGroup, linearizabilityWorkload } from './linearizability.ts'
import { sessionsGroup, sessionsWorkload } from './sessions.ts'

await bench({
  workload: `${linearizabilityWorkload}; sessions: ${sessionsWorkload}`,
  groups: [linearizabilityGroup, sessionsGroup()],
  ratios: () => ({}),
})
