import { testAlgorithm } from '@nncf/testing';
import { quantization } from '../src/quantization.ts';

testAlgorithm(quantization, { config: { initializer: { range: { num_init_samples: 4 } } }, trained: true, changesOutput: true });
