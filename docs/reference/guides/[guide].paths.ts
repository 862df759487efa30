import { defineRoutes } from 'vitepress'
import { documentedPackages } from '../../lib/packages.ts'
import { readmeAsPage } from '../../lib/readme.ts'

export default defineRoutes({
  watch: ['../../../packages/*/guides/*.md'],
  paths() {
    const packages = documentedPackages()
    const folders = packages.map(({ folder }) => folder)
    return packages.flatMap(({ folder, guides }) =>
      guides.map(({ name, text }) => ({
        params: { guide: `${folder}-${name}` },
        content: readmeAsPage(text, folder, folders),
      })),
    )
  },
})
