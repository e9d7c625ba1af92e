export { describeBackends } from '../../../packages-private/testing/src/backends.ts';
