import { type DynamicModule, Module } from '@nestjs/common'
import { ProfilesController } from './profiles.controller.ts'
import { PROFILES, type Profiles } from './profiles.ts'

@Module({})
// oxlint-disable-next-line typescript/no-extraneous-class -- Nest names modules by their class
export class ProfilesModule {
  static forRoot(profiles: Profiles): DynamicModule {
    return {
      module: ProfilesModule,
      controllers: [ProfilesController],
      providers: [{ provide: PROFILES, useValue: profiles }],
    }
  }
}
