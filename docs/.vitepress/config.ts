import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type DefaultTheme, type UserConfig } from 'vitepress'
import { documentedPackages, type Guide } from '../lib/packages.ts'

const here = dirname(fileURLToPath(import.meta.url))
const packages = documentedPackages()

const config: UserConfig<DefaultTheme.Config> = defineConfig({
  title: 'Quorate',
  description: 'Consistency primitives for Node services on Postgres and Redis',
  cleanUrls: true,
  srcExclude: ['package.json', 'lib/**', 'README.md'],
  // Pages are Markdown: a stray `Promise<void>` in a README is text, not a component.
  markdown: { html: false },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Tutorials', link: '/tutorials/getting-started' },
      { text: 'How-to', link: '/how-to/test-without-waiting' },
      { text: 'Reference', link: '/reference/errors' },
      { text: 'Explanation', link: '/explanation/outcomes' },
    ],
    sidebar: [
      {
        text: 'Tutorials',
        items: [
          { text: 'Getting started', link: '/tutorials/getting-started' },
          { text: 'ShopFleet', link: '/tutorials/shopfleet' },
        ],
      },
      {
        text: 'How-to',
        items: [
          { text: 'Test without waiting', link: '/how-to/test-without-waiting' },
          { text: 'Handle an error', link: '/how-to/handle-an-error' },
          { text: 'Prove a guarantee', link: '/how-to/prove-a-guarantee' },
          { text: 'Read a timeline', link: '/how-to/read-a-timeline' },
          { text: 'Simulate a protocol', link: '/how-to/simulate-a-protocol' },
          { text: 'Keep CRDTs in a database', link: '/how-to/keep-crdts' },
          { text: 'Measure', link: '/how-to/measure' },
        ],
      },
      {
        text: 'Reference',
        items: [
          ...packages.map(({ folder, guides }) => ({
            text: folder,
            link: `/reference/packages/${folder}`,
            ...(guides.length === 0 ? {} : { collapsed: true, items: guideItems(folder, guides) }),
          })),
          { text: 'The simulator', link: '/reference/simulator' },
          { text: 'Errors', link: '/reference/errors' },
          { text: 'API', link: '/api/', collapsed: true, items: apiSidebar() },
        ],
      },
      {
        text: 'Explanation',
        items: [
          { text: 'Did the write happen?', link: '/explanation/outcomes' },
          { text: 'How merging works', link: '/explanation/merge' },
          { text: 'Pure core, thin edge', link: '/explanation/pure-core' },
        ],
      },
    ],
  },
})
export default config

/** Written by typedoc, which runs first. */
function apiSidebar(): DefaultTheme.SidebarItem[] {
  const path = join(here, '..', 'api', 'typedoc-sidebar.json')
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as DefaultTheme.SidebarItem[]) : []
}

function guideItems(folder: string, guides: readonly Guide[]): DefaultTheme.SidebarItem[] {
  return guides.map(({ name, title }) => ({ text: title, link: `/reference/guides/${folder}-${name}` }))
}
