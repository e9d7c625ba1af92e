import './register.ts';

export { exportOnnx, onnxBytes } from './export-onnx.ts';
export { extendOnnx, type ExtendedOutput } from './extend-onnx.ts';
export type { OnnxPort } from './emit/onnx-graph.ts';
export type { OnnxExportOptions } from './options.ts';
export { onnxExporter, serializeOnnx } from './serialize.ts';
export { onnxNodeToken, registerOnnxNode, type OnnxNodeContext, type OnnxNodeMapping } from './node-mapping.ts';
export { channelsFirst, plainLayout, type Layout, type Sizes } from './layout/layout.ts';
export type { Arrangement } from './layout/arrangement.ts';
