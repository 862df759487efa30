import { defineRoutes } from 'vitepress'
import { errorsMarkdown, readErrors } from '../lib/errors.ts'

export default defineRoutes({
  watch: ['../../packages/*/src/**/*.ts'],
  paths: () => [{ params: { errors: 'errors' }, content: errorsMarkdown(readErrors().entries) }],
})
