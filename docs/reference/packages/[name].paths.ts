import { defineRoutes } from 'vitepress'
import { documentedPackages } from '../../lib/packages.ts'
import { readmeAsPage } from '../../lib/readme.ts'

export default defineRoutes({
  watch: ['../../../packages/*/README.md'],
  paths() {
    const packages = documentedPackages()
    const folders = packages.map(({ folder }) => folder)
    return packages.map(({ folder, name, description, readme }) => ({
      params: { name: folder },
      content:
        `${readme === undefined ? `# ${name}\n\n${description}\n` : readmeAsPage(readme, folder, folders)}\n\n` +
        `## API\n\nAll names, generated from the sources: [${name}](/api/${folder}).\n`,
    }))
  },
})
