export { testAlgorithm, type ConformanceOptions } from './conformance.ts';
export { fakeAlgorithm, type FakeConfig, type FakeLog } from './fake-algorithm.ts';
export { branchedModel, functionalModel, sharedModel, smallSequential } from './models.ts';
