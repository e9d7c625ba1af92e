import { registerAlgorithm, registerOnnxOperator } from '@nncf/core';
import { fakeQuantizeMapping } from './onnx.ts';
import { quantization } from './quantization.ts';

registerAlgorithm(quantization);
registerOnnxOperator(fakeQuantizeMapping);
