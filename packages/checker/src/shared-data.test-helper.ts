export { dataOf, hasData, manifest, type ManifestEntry, NO_DATA } from './testing/shared-data.ts'
