// The library as a Node addon: loading it makes its operations known to the TensorFlow that tfjs-node has loaded.
#include <string>

#include <node_api.h>

#include "operations.h"

namespace {

napi_value Init(napi_env env, napi_value exports) {
  // A second environment of the process (a worker) finds the operations known already.
  static const std::string message = [] {
    for (const auto& register_some : {nncf::RegisterFakeQuantize, nncf::RegisterActivations, nncf::RegisterBinarization, nncf::RegisterBatchNorm, nncf::RegisterUpdates}) {
      const std::string refused = register_some();
      if (!refused.empty()) return refused;
    }
    return std::string();
  }();
  if (!message.empty()) napi_throw_error(env, "NNCF_OPERATIONS", message.c_str());
  return exports;
}

}  // namespace

NAPI_MODULE(nncf_ops, Init)
