import type { ProfileView } from '../../api.ts'
import { readProfile, saveProfile, type ProfileChange, type Sql } from './profiles.store.ts'

/** What the controller asks for. Its token in Nest. */
export const PROFILES = Symbol('profiles')

export interface Profiles {
  read(userId: string): Promise<ProfileView | undefined>
  save(userId: string, profile: ProfileChange): Promise<ProfileView>
}

/** Where reads and writes of the current request go. */
export interface ProfileDatabase {
  read<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  write<T>(work: (sql: Sql) => Promise<T>): Promise<T>
}

export function profiles(database: ProfileDatabase): Profiles {
  return {
    read: (userId) => database.read((sql) => readProfile(sql, userId)),
    save: (userId, profile) => database.write((sql) => saveProfile(sql, userId, profile)),
  }
}
