import type { ReadYourWrites } from '@quorate/read-your-writes'
import type { ProfileView } from '../../api.ts'
import { readProfile, saveProfile, type ProfileChange } from './profiles.store.ts'

/** What the controller asks for. Its token in Nest. */
export const PROFILES = Symbol('profiles')

export interface Profiles {
  read(userId: string): Promise<ProfileView | undefined>
  save(userId: string, profile: ProfileChange): Promise<ProfileView>
}

export function profiles(db: Pick<ReadYourWrites, 'read' | 'write'>): Profiles {
  return {
    // The session of the request is found by the router itself.
    read: (userId) => db.read((sql) => readProfile(sql, userId)),
    save: (userId, profile) => db.write((sql) => saveProfile(sql, userId, profile)),
  }
}
