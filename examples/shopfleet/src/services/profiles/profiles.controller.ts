import { Body, Controller, Get, HttpCode, Inject, Param, Put } from '@nestjs/common'
import { profileBody, userId, type ProfileView } from '../../api.ts'
import { Problem } from '../../shared/problem.ts'
import { PROFILES, type Profiles } from './profiles.ts'
import type { ProfileChange } from './profiles.store.ts'
import { ZodPipe } from './zod.pipe.ts'

@Controller('profiles')
export class ProfilesController {
  readonly #profiles: Profiles

  // The token by hand, since esbuild leaves no types behind for Nest to read.
  constructor(@Inject(PROFILES) profiles: Profiles) {
    this.#profiles = profiles
  }

  @Get(':userId')
  async read(@Param('userId', new ZodPipe(userId)) id: string): Promise<ProfileView> {
    const profile = await this.#profiles.read(id)
    if (profile === undefined)
      throw new Problem(404, 'no-profile', `User ${id} has no profile yet; save one first`)
    return profile
  }

  @Put(':userId')
  @HttpCode(200)
  save(
    @Param('userId', new ZodPipe(userId)) id: string,
    @Body(new ZodPipe(profileBody)) profile: ProfileChange,
  ): Promise<ProfileView> {
    return this.#profiles.save(id, profile)
  }
}
