import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  resolve: { conditions: ['nncf-source'] },
  ssr: { resolve: { conditions: ['nncf-source'] } },
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'packages-private/*/test/**/*.test.ts',
      'samples/*/test/**/*.test.ts',
      'bench/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
export default config;
