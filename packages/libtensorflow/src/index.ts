export { install, type InstallOptions, type InstallReport } from './install.ts';
export { cacheRoot, TENSORFLOW_VERSION, type Flavour, type Reporter } from './context.ts';
export { LibtensorflowError, type LibtensorflowErrorCode, type LibtensorflowErrorDetails } from './errors.ts';
export { terminalReporter } from './reporter.ts';
export { installUtilShim } from './util-shim.ts';
