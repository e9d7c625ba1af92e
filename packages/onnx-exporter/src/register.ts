import { registerExporter } from '@nncf/core';
import { onnxExporter } from './serialize.ts';
import { registerOnnxNode } from './node-mapping.ts';
import { activationMappings } from './nodes/activations.ts';
import { concatMappings } from './nodes/concat.ts';
import { convMappings } from './nodes/conv.ts';
import { denseMappings } from './nodes/dense.ts';
import { elementwiseMappings } from './nodes/elementwise.ts';
import { gatherMappings } from './nodes/gather.ts';
import { normalizationMappings } from './nodes/normalization.ts';
import { padMappings } from './nodes/pad.ts';
import { poolingMappings } from './nodes/pooling.ts';
import { reduceMappings } from './nodes/reduce.ts';
import { repeatMappings } from './nodes/repeat.ts';
import { reshapeMappings } from './nodes/reshape.ts';
import { resizeMappings } from './nodes/resize.ts';
import { sliceMappings } from './nodes/slice.ts';
import { softmaxMappings } from './nodes/softmax.ts';
import { spaceBlockMappings } from './nodes/space-blocks.ts';
import { unaryMappings } from './nodes/unary.ts';

const mappings = [
  ...activationMappings,
  ...concatMappings,
  ...convMappings,
  ...denseMappings,
  ...elementwiseMappings,
  ...gatherMappings,
  ...normalizationMappings,
  ...padMappings,
  ...poolingMappings,
  ...reduceMappings,
  ...repeatMappings,
  ...reshapeMappings,
  ...resizeMappings,
  ...sliceMappings,
  ...softmaxMappings,
  ...spaceBlockMappings,
  ...unaryMappings,
];

for (const mapping of mappings) registerOnnxNode(mapping);
registerExporter(onnxExporter);
