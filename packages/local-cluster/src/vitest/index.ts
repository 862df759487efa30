/**
 * Real databases for tests: a fresh Postgres database or an empty Redis for each test file, on servers
 * that the whole run shares.
 * @packageDocumentation
 */
export { testDatabase, type TestDatabase } from './test-database.ts'
export { testRedis, type TestRedis } from './test-redis.ts'
