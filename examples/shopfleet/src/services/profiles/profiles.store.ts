import type { z } from 'zod'
import type { profileBody, ProfileView } from '../../api.ts'

export type ProfileChange = z.infer<typeof profileBody>

/** The part of a routed connection that the store needs. */
export interface Sql {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>
}

const COLUMNS = `user_id as "userId", name, email, country, address, version`

export async function readProfile(sql: Sql, userId: string): Promise<ProfileView | undefined> {
  const { rows } = await sql.query(`select ${COLUMNS} from profiles where user_id = $1`, [userId])
  return rows[0] as ProfileView | undefined
}

export async function saveProfile(sql: Sql, userId: string, profile: ProfileChange): Promise<ProfileView> {
  const { rows } = await sql.query(
    `insert into profiles (user_id, name, email, country, address) values ($1, $2, $3, $4, $5)
     on conflict (user_id) do update set name = excluded.name, email = excluded.email, country = excluded.country,
       address = excluded.address, version = profiles.version + 1, updated_at = now()
     returning ${COLUMNS}`,
    [userId, profile.name, profile.email, profile.country, profile.address],
  )
  return rows[0] as ProfileView
}
