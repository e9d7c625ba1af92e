export { testAlgorithm, type ConformanceOptions } from './conformance.ts';
export { fakeAlgorithm, type FakeConfig, type FakeLog } from './fake-algorithm.ts';
export { graphBuilder, type ConvOptions, type GraphBuilder, type NodeOptions, type ValueId } from './graph-builder.ts';
export { branchedModel, functionalModel, sharedModel, smallSequential } from './models.ts';
