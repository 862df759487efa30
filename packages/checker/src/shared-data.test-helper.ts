export { dataOf, hasData, manifest, type ManifestEntry, NO_DATA, pathOf } from './testing/shared-data.ts'
