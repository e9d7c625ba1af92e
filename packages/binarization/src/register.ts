import { registerAlgorithm, registerOnnxOperator } from '@nncf/core';
import { binarization } from './binarization.ts';
import { activationMapping, weightMapping } from './onnx.ts';

registerAlgorithm(binarization);
registerOnnxOperator(activationMapping);
registerOnnxOperator(weightMapping);
