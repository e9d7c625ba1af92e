import { fakeAlgorithm, testAlgorithm } from '@nncf/testing';

testAlgorithm(fakeAlgorithm('fake'), { config: { factor: 0.9 }, trained: true, changesOutput: true });
