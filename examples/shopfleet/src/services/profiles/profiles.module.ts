import { type DynamicModule, Module } from '@nestjs/common'
import { READ_YOUR_WRITES, ReadYourWritesModule } from '@quorate/read-your-writes/nest'
import { GATEWAY_SESSION, routerOptions, type RoutedReadsOptions } from '../../shared/routed-reads.ts'
import { ProfilesController } from './profiles.controller.ts'
import { PROFILES, profiles } from './profiles.ts'
import { REPLICA_WATCH, ReplicasController } from './replicas.controller.ts'

@Module({})
// oxlint-disable-next-line typescript/no-extraneous-class -- Nest names modules by their class
export class ProfilesModule {
  static forRoot(options: RoutedReadsOptions): DynamicModule {
    return {
      module: ProfilesModule,
      imports: [
        // A factory, since `name` here is that of the database in tokens, and not one of the module.
        ReadYourWritesModule.forRootAsync({
          useFactory: () => ({ ...routerOptions(options), ...GATEWAY_SESSION }),
        }),
      ],
      controllers: [ProfilesController, ReplicasController],
      providers: [
        { provide: PROFILES, useFactory: profiles, inject: [READ_YOUR_WRITES] },
        { provide: REPLICA_WATCH, useValue: options.watch },
      ],
    }
  }
}
