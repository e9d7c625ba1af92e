import './register.ts';

export type { ConstSparsityConfig } from './config.ts';
export { constSparsity } from './const-sparsity.ts';
