// The operations of this library. Each function makes some known to TensorFlow and returns its message where it refuses, else nothing.
#ifndef NNCF_OPERATIONS_H_
#define NNCF_OPERATIONS_H_

#include <string>

namespace nncf {

// NncfFakeQuantize, NncfFakeQuantizeGrad.
std::string RegisterFakeQuantize();

// NncfRelu6Grad.
std::string RegisterActivations();

// NncfBatchNorm, NncfBatchNormGrad.
std::string RegisterBatchNorm();

// NncfBinarizeActivations, NncfBinarizeActivationsGrad, NncfBinarizeWeights.
std::string RegisterBinarization();

// NncfGradientDescent, NncfMomentum, NncfAdam, NncfMovingAverage.
std::string RegisterUpdates();

}  // namespace nncf

#endif  // NNCF_OPERATIONS_H_
