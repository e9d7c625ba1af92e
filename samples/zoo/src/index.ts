export { type ImageShape, type ModelOptions } from "./builder.ts";
export { demoConvNet } from "./demo-conv-net.ts";
export { mobileNetV2, type MobileNetV2Options } from "./mobilenet-v2.ts";
export { resnet18, resnet34, resnet50, type ResnetOptions } from "./resnet.ts";
export { resnet110, resnet20, resnet32, resnet44, resnet56 } from "./resnet-cifar.ts";
export { resnet8 } from "./resnet8.ts";
export { squeezeNet11, type SqueezeNetOptions } from "./squeezenet.ts";
export { countMultiplyAdds, countTrainable } from "./complexity.ts";
export { channelPad, relu6, type ChannelPadConfig } from "./custom-layers.ts";
export { createModel, zoo } from "./models.ts";
export {
  loadPretrained,
  pretrainedNames,
  resnet8KerasName,
  type PretrainedName,
} from "./pretrained.ts";
export {
  loadWeights,
  saveWeights,
  weightNames,
  type LoadWeightsOptions,
  type SaveWeightsOptions,
} from "./weights.ts";
