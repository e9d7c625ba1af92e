import { defineConfig, type UserConfig } from 'tsdown';

const config: UserConfig = defineConfig({
  entry: ['src/index.ts', 'src/util-shim.ts', 'src/cli.ts'],
  dts: true,
  platform: 'node',
  fixedExtension: false,
});
export default config;
