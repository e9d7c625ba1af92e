import { binarization } from '@nncf/binarization';
import { testAlgorithm } from '@nncf/testing';

testAlgorithm(binarization, { config: { mode: 'dorefa' }, trained: true, changesOutput: true });
