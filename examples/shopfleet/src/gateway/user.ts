import type { Request } from 'express'
import { USER_HEADER, userId } from '../api.ts'
import { Problem } from '../shared/problem.ts'

/** Who is shopping. @throws Problem 400 without a well-formed user header. */
export function userOf(request: Request): string {
  const parsed = userId.safeParse(request.header(USER_HEADER))
  if (parsed.success) return parsed.data
  throw new Problem(
    400,
    'no-user',
    `Say who is shopping in the ${USER_HEADER} header: ${parsed.error.issues[0]?.message ?? 'malformed'}`,
  )
}
