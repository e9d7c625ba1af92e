// Gradients of activations that TensorFlow has with other bounds than TensorFlow.js.
#include <string>

#include "kernel.h"
#include "operations.h"
#include "parallel.h"

namespace nncf {
namespace {

constexpr int64_t kGrain = 32768;

NNCF_VECTORIZED void Relu6GradRun(const float* g, const float* x, float* dx, int64_t count) {
  for (int64_t i = 0; i < count; ++i) dx[i] = x[i] > 0.0f && x[i] <= 6.0f ? g[i] : 0.0f;
}

// Inputs dy, x; output dx = dy where 0 < x <= 6. (TensorFlow's leaves 6 itself out.)
class Relu6Grad {
 public:
  explicit Relu6Grad(const Attributes&) {}

  void Compute(TF_OpKernelContext* context) {
    const Input g(context, 0), x(context, 1);
    if (g.size() != x.size()) return Refuse(context, "Relu6: the gradient has another size than the tensor");
    float* dx = Output(context, 0, x.shape());
    if (dx == nullptr) return;
    ParallelFor(x.size(), kGrain, [&](int, int64_t begin, int64_t end) { Relu6GradRun(g.data() + begin, x.data() + begin, dx + begin, end - begin); });
  }
};

}  // namespace

std::string RegisterActivations() { return RegisterKernel<Relu6Grad>("NncfRelu6Grad", {"dy: float", "x: float"}, {"dx: float"}, {}); }

}  // namespace nncf
