export { NncfError, type NncfErrorDetails } from './errors.ts';
