/**
 * Read-your-writes for Kysely: a dialect that sends each query to the cheapest server that is fresh enough.
 * @packageDocumentation
 */
export { readYourWritesDialect, type ReadYourWritesDialectOptions } from './dialect.ts'
export { routed, type RouteOptions } from './route.ts'
