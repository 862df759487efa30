import type { ViteUserConfig } from 'vitest/config'

// Vite's own server defaults, with the workspace's sources first.
const conditions = ['@quorate/source', 'module', 'node', 'development|production']

const config: ViteUserConfig = {
  resolve: { conditions },
  ssr: { resolve: { conditions } }, // the one that tests in Node use
  environments: { __vitest__: { resolve: { conditions } } }, // the one of global setups, which else need a build
  test: {
    expect: { poll: { timeout: 30_000 } }, // against hangs; the default of a second is soon over on a busy machine
    projects: [
      {
        extends: true, // without this a project ignores everything above
        test: {
          name: 'unit',
          isolate: false,
          testTimeout: 60_000, // against hangs; 10,000 seeds take seconds, more on a busy machine
          include: [
            'packages/*/src/**/*.test.ts',
            'examples/*/src/**/*.test.ts',
            'scripts/**/*.test.ts',
            'bench/harness/**/*.test.ts',
            'docs/{lib,snippets}/**/*.test.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: [
            'packages/*/test/**/*.int.test.ts',
            'examples/*/test/**/*.int.test.ts',
            'docs/test/**/*.int.test.ts',
          ],
          globalSetup: ['packages/local-cluster/src/vitest/global-setup.ts'], // testDatabase(), testRedis()
          fileParallelism: false, // real servers on two cores
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
}
export default config
