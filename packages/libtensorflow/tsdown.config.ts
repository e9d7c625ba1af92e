import { defineConfig, type UserConfig } from 'tsdown';

const config: UserConfig = defineConfig({
  entry: ['src/index.ts', 'src/util-shim.ts', 'src/cli.ts'],
  dts: true,
  platform: 'neutral',
  fixedExtension: false,
});
export default config;
