import { expect, test } from 'vitest'
import { readYourWritesClient, readYourWritesServer } from './index.ts'

const db = { session: () => {}, run: () => {} }

test.each([
  [
    'server',
    readYourWritesServer,
    /grpc must be a module with ServerInterceptingCall, got undefined; pass that/,
  ],
  ['client', readYourWritesClient, /grpc must be a module with InterceptingCall, got undefined; pass that/],
])('a %s interceptor is not made without a router or the module of gRPC', (_, make, message) => {
  const untyped = make as (db?: unknown, grpc?: unknown) => unknown
  expect(() => untyped()).toThrow(/db must be a router, got undefined; pass what readYourWrites\(\) returned/)
  expect(() => untyped(db)).toThrow(TypeError)
  expect(() => untyped(db)).toThrow(message)
})
