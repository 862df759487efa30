import { Controller, Get, Inject } from '@nestjs/common'
import type { ReadYourWrites } from '@quorate/read-your-writes'
import { InjectReadYourWrites } from '@quorate/read-your-writes/nest'
import type { StandingView } from '../../api.ts'
import type { ReplicaWatch } from '../../shared/replica-watch.ts'

/** Of the watch in Nest. */
export const REPLICA_WATCH = Symbol('replica watch')

@Controller('replicas')
export class ReplicasController {
  readonly #db: ReadYourWrites
  readonly #watch: ReplicaWatch

  constructor(@InjectReadYourWrites() db: ReadYourWrites, @Inject(REPLICA_WATCH) watch: ReplicaWatch) {
    this.#db = db
    this.#watch = watch
  }

  @Get()
  standing(): StandingView {
    return this.#watch.view(this.#db)
  }
}
