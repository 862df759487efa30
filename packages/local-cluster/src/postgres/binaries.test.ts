import { expect, test } from 'vitest'
import { serverVersion } from './binaries.ts'

test.each([
  ['18.4.0-beta.17', '18.4'],
  ['17.10.2', '17.10'],
  ['18', '18'],
])('serverVersion() of the package %s is %s', (packageVersion, version) => {
  expect(serverVersion(packageVersion)).toBe(version)
})
