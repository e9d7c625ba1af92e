// Updates of many variables in one operation: the steps of the optimizers, and moving averages. Formulas and the order of roundings are those of
// TensorFlow.js's own optimizers, so the numbers are the same.
#include <cmath>
#include <string>
#include <vector>

#include "kernel.h"
#include "operations.h"
#include "parallel.h"

namespace nncf {
namespace {

constexpr int64_t kGrain = 32768;

// The lists of tensors that an update reads and writes; list `l` of `count` tensors begins at input `l * count`.
class Lists {
 public:
  Lists(TF_OpKernelContext* context, int64_t count, int inputs, int outputs) : count_(count) {
    for (int64_t index = 0; index < count * inputs; ++index) inputs_.emplace_back(context, static_cast<int>(index));
    for (int64_t index = 0; index < count * outputs; ++index) {
      outputs_.push_back(Output(context, static_cast<int>(index), inputs_[index % count].shape()));
      complete_ = complete_ && outputs_.back() != nullptr;
    }
    for (int64_t index = count; index < count * inputs; ++index) {
      if (inputs_[index].size() != inputs_[index % count].size()) complete_ = false;
    }
    if (!complete_) Refuse(context, "Update: a variable and its gradient differ in size");
  }

  bool complete() const { return complete_; }
  int64_t count() const { return count_; }
  int64_t size(int64_t index) const { return inputs_[index].size(); }
  const float* in(int list, int64_t index) const { return inputs_[list * count_ + index].data(); }
  float* out(int list, int64_t index) const { return outputs_[list * count_ + index]; }

 private:
  int64_t count_;
  bool complete_ = true;
  std::vector<Input> inputs_;
  std::vector<float*> outputs_;
};

// value + c*gradient
NNCF_VECTORIZED void DescendRun(const float* value, const float* gradient, float* out, int64_t count, float c) {
  for (int64_t i = 0; i < count; ++i) out[i] = c * gradient[i] + value[i];
}

NNCF_VECTORIZED void MomentumRun(const float* value, const float* gradient, const float* velocity, float* out, float* out_velocity, int64_t count,
                                 float c, float m) {
  for (int64_t i = 0; i < count; ++i) {
    const float next = m * velocity[i] + gradient[i];
    out_velocity[i] = next;
    out[i] = c * next + value[i];
  }
}

NNCF_VECTORIZED void NesterovRun(const float* value, const float* gradient, const float* velocity, float* out, float* out_velocity, int64_t count,
                                 float c, float m) {
  for (int64_t i = 0; i < count; ++i) {
    const float next = m * velocity[i] + gradient[i];
    out_velocity[i] = next;
    out[i] = c * (gradient[i] + next * m) + value[i];
  }
}

struct AdamFactors {
  float beta1, one_minus_beta1, beta2, one_minus_beta2, correction1, correction2, epsilon, step;
};

NNCF_VECTORIZED void AdamRun(const float* value, const float* gradient, const float* first, const float* second, float* out, float* out_first,
                             float* out_second, int64_t count, const AdamFactors* f) {
  const float beta1 = f->beta1, rest1 = f->one_minus_beta1, beta2 = f->beta2, rest2 = f->one_minus_beta2;
  const float correction1 = f->correction1, correction2 = f->correction2, epsilon = f->epsilon, step = f->step;
  for (int64_t i = 0; i < count; ++i) {
    const float m = first[i] * beta1 + gradient[i] * rest1;
    const float v = second[i] * beta2 + gradient[i] * gradient[i] * rest2;
    out_first[i] = m;
    out_second[i] = v;
    out[i] = (m / correction1) / (std::sqrt(v / correction2) + epsilon) * step + value[i];
  }
}

// value - (value - batch)*decay
NNCF_VECTORIZED void AverageRun(const float* value, const float* batch, float* out, int64_t count, float decay) {
  for (int64_t i = 0; i < count; ++i) out[i] = value[i] - (value[i] - batch[i]) * decay;
}

// Lists values, gradients; output values.
class GradientDescent {
 public:
  explicit GradientDescent(const Attributes& attributes) : count_(attributes.Int("N")) {}

  void Compute(TF_OpKernelContext* context) {
    const Lists lists(context, count_, 2, 1);
    const Input c(context, static_cast<int>(2 * count_));
    if (!lists.complete()) return;
    for (int64_t index = 0; index < count_; ++index) {
      ParallelFor(lists.size(index), kGrain, [&](int, int64_t from, int64_t to) {
        DescendRun(lists.in(0, index) + from, lists.in(1, index) + from, lists.out(0, index) + from, to - from, c.data()[0]);
      });
    }
  }

 private:
  int64_t count_;
};

// Lists values, gradients, velocities; outputs values, velocities.
class Momentum {
 public:
  explicit Momentum(const Attributes& attributes) : count_(attributes.Int("N")), nesterov_(attributes.Bool("use_nesterov")) {}

  void Compute(TF_OpKernelContext* context) {
    const Lists lists(context, count_, 3, 2);
    const Input c(context, static_cast<int>(3 * count_)), m(context, static_cast<int>(3 * count_ + 1));
    if (!lists.complete()) return;
    const auto run = nesterov_ ? NesterovRun : MomentumRun;
    for (int64_t index = 0; index < count_; ++index) {
      ParallelFor(lists.size(index), kGrain, [&](int, int64_t from, int64_t to) {
        run(lists.in(0, index) + from, lists.in(1, index) + from, lists.in(2, index) + from, lists.out(0, index) + from, lists.out(1, index) + from,
            to - from, c.data()[0], m.data()[0]);
      });
    }
  }

 private:
  int64_t count_;
  bool nesterov_;
};

// Lists values, gradients, first and second moments; outputs values and both moments. The last input has the eight factors.
class Adam {
 public:
  explicit Adam(const Attributes& attributes) : count_(attributes.Int("N")) {}

  void Compute(TF_OpKernelContext* context) {
    const Lists lists(context, count_, 4, 3);
    const Input factors(context, static_cast<int>(4 * count_));
    if (!lists.complete()) return;
    if (factors.size() != 8) return Refuse(context, "Adam: eight factors are needed");
    const float* f = factors.data();
    const AdamFactors all = {f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]};
    for (int64_t index = 0; index < count_; ++index) {
      ParallelFor(lists.size(index), kGrain, [&](int, int64_t from, int64_t to) {
        AdamRun(lists.in(0, index) + from, lists.in(1, index) + from, lists.in(2, index) + from, lists.in(3, index) + from, lists.out(0, index) + from,
                lists.out(1, index) + from, lists.out(2, index) + from, to - from, &all);
      });
    }
  }

 private:
  int64_t count_;
};

// Lists values, batches; output values.
class MovingAverage {
 public:
  explicit MovingAverage(const Attributes& attributes) : count_(attributes.Int("N")), decay_(attributes.Float("decay")) {}

  void Compute(TF_OpKernelContext* context) {
    const Lists lists(context, count_, 2, 1);
    if (!lists.complete()) return;
    for (int64_t index = 0; index < count_; ++index) {
      AverageRun(lists.in(0, index), lists.in(1, index), lists.out(0, index), lists.size(index), decay_);
    }
  }

 private:
  int64_t count_;
  float decay_;
};

}  // namespace

std::string RegisterUpdates() {
  std::string message = RegisterKernel<GradientDescent>("NncfGradientDescent", {"values: N * float", "gradients: N * float", "c: float"},
                                                        {"new_values: N * float"}, {"N: int >= 1"});
  if (message.empty()) {
    message = RegisterKernel<Momentum>("NncfMomentum",
                                       {"values: N * float", "gradients: N * float", "velocities: N * float", "c: float", "m: float"},
                                       {"new_values: N * float", "new_velocities: N * float"}, {"N: int >= 1", "use_nesterov: bool"});
  }
  if (message.empty()) {
    message = RegisterKernel<Adam>("NncfAdam",
                                   {"values: N * float", "gradients: N * float", "first: N * float", "second: N * float", "factors: float"},
                                   {"new_values: N * float", "new_first: N * float", "new_second: N * float"}, {"N: int >= 1"});
  }
  if (message.empty()) {
    message = RegisterKernel<MovingAverage>("NncfMovingAverage", {"values: N * float", "batches: N * float"}, {"new_values: N * float"},
                                            {"N: int >= 1", "decay: float"});
  }
  return message;
}

}  // namespace nncf
