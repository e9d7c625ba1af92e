// Binarization of activations by a scale and a threshold for every channel, its gradient, and binarization of weights, in one pass each (arXiv
// 2002.08679). The numbers are those of the composition out of TensorFlow.js operations; sums are kept in double precision.
//
//   activations   y = s*[x > t*s]       weights   y = m where x > 0, else -m, with m = mean|x| of a filter or of the whole tensor
//
// Channels (of activations) and filters (of weights) are the fastest axis.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernel.h"
#include "operations.h"
#include "parallel.h"

namespace nncf {
namespace {

// Values below which a loop is not worth sharing out.
constexpr int64_t kGrain = 32768;

// Rows that are summed in float32 before they are added to a double.
constexpr int64_t kBlock = 1024;

// Few channels are repeated to rows of about this many values, so that the inner loops are long enough to be vectorized.
constexpr int64_t kRow = 64;

int64_t RowGrain(int64_t width) { return std::max<int64_t>(kGrain / width, 2); }

// A tensor as rows of whole groups of channels.
struct Rows {
  int64_t channels = 0;
  int64_t width = 0;
  int64_t count = 0;

  // No rows where the channels do not fit.
  static Rows Of(int64_t size, int64_t channels) {
    if (channels == 0 || size % channels != 0) return {};
    int64_t width = channels;
    while (width * 2 <= kRow && size % (width * 2) == 0) width *= 2;
    return {channels, width, size / width};
  }
};

NNCF_VECTORIZED void BinarizeRows(const float* x, float* y, int64_t rows, int64_t width, const float* limit, float scale) {
  for (int64_t row = 0; row < rows; ++row, x += width, y += width) {
    for (int64_t c = 0; c < width; ++c) y[c] = x[c] > limit[c] ? scale : 0.0f;
  }
}

// dx = g where 0 <= x <= s. Sums for every column: g*(y - x) where x <= s, g where x > s, g where 0 < x < s.
NNCF_VECTORIZED void DifferentiateRows(const float* g, const float* x, float* dx, int64_t rows, int64_t width, const float* limit, float scale,
                                       float* rounding, float* above, float* inner) {
  for (int64_t row = 0; row < rows; ++row, g += width, x += width, dx += width) {
    for (int64_t c = 0; c < width; ++c) {
      const float value = x[c], upstream = g[c];
      const bool over = value > scale;
      const float y = value > limit[c] ? scale : 0.0f;
      const float within = over ? 0.0f : upstream;
      dx[c] = value < 0.0f ? 0.0f : within;
      rounding[c] += within * (y - value);
      above[c] += over ? upstream : 0.0f;
      inner[c] += value > 0.0f && value < scale ? upstream : 0.0f;
    }
  }
}

NNCF_VECTORIZED void SumMagnitudes(const float* x, int64_t rows, int64_t width, float* sums) {
  for (int64_t row = 0; row < rows; ++row, x += width) {
    for (int64_t c = 0; c < width; ++c) sums[c] += std::fabs(x[c]);
  }
}

NNCF_VECTORIZED void SignRows(const float* x, float* y, int64_t rows, int64_t width, const float* mean) {
  for (int64_t row = 0; row < rows; ++row, x += width, y += width) {
    for (int64_t c = 0; c < width; ++c) y[c] = x[c] > 0.0f ? mean[c] : -mean[c];
  }
}

// The values of the channels, repeated to a row's width.
std::vector<float> Repeated(const float* values, const Rows& rows, float factor) {
  std::vector<float> row(rows.width);
  for (int64_t c = 0; c < rows.width; ++c) row[c] = values[c % rows.channels] * factor;
  return row;
}

// Column sums of every thread: `kinds` of them for each column, in double precision.
class Sums {
 public:
  Sums(int kinds, int64_t width) : kinds_(kinds), width_(width), parts_(PartCount(), std::vector<double>(kinds * width)) {}

  void Add(int part, const std::vector<float>& block) {
    for (size_t i = 0; i < block.size(); ++i) parts_[part][i] += block[i];
  }

  double Column(int kind, int64_t column) const {
    double sum = 0;
    for (const std::vector<double>& part : parts_) sum += part[kind * width_ + column];
    return sum;
  }

  double Total(int kind) const {
    double sum = 0;
    for (int64_t c = 0; c < width_; ++c) sum += Column(kind, c);
    return sum;
  }

  // Sum over the repetitions of a channel.
  double Channel(int kind, const Rows& rows, int64_t channel) const {
    double sum = 0;
    for (int64_t c = channel; c < rows.width; c += rows.channels) sum += Column(kind, c);
    return sum;
  }

  // Calls `add(begin, count, sums)` for blocks of rows; `sums` starts at zero in each.
  template <typename Function>
  void Collect(const Rows& rows, const Function& add) {
    ParallelFor(rows.count, RowGrain(rows.width), [&](int part, int64_t begin, int64_t end) {
      std::vector<float> block(kinds_ * width_);
      for (int64_t row = begin; row < end; row += kBlock) {
        std::fill(block.begin(), block.end(), 0.0f);
        add(row, std::min(kBlock, end - row), block.data());
        Add(part, block);
      }
    });
  }

 private:
  int kinds_;
  int64_t width_;
  std::vector<std::vector<double>> parts_;
};

bool Fits(TF_OpKernelContext* context, const Rows& rows, const Input& x, const Input& scale) {
  if (rows.width != 0 && scale.size() == 1) return true;
  Refuse(context, "Binarization: one scale, and thresholds whose number divides " + std::to_string(x.size()) + " values are needed");
  return false;
}

// Inputs x, scale, threshold; output y.
class BinarizeActivations {
 public:
  explicit BinarizeActivations(const Attributes&) {}

  void Compute(TF_OpKernelContext* context) {
    const Input x(context, 0), scale(context, 1), threshold(context, 2);
    const Rows rows = Rows::Of(x.size(), threshold.size());
    float* y = Output(context, 0, x.shape());
    if (y == nullptr || !Fits(context, rows, x, scale)) return;
    const float s = scale.data()[0];
    const std::vector<float> limit = Repeated(threshold.data(), rows, s);
    ParallelFor(rows.count, RowGrain(rows.width), [&](int, int64_t begin, int64_t end) {
      BinarizeRows(x.data() + begin * rows.width, y + begin * rows.width, end - begin, rows.width, limit.data(), s);
    });
  }
};

// Inputs dy, x, scale, threshold; outputs dx, dScale and, for every channel, dThreshold.
class BinarizeActivationsGrad {
 public:
  explicit BinarizeActivationsGrad(const Attributes&) {}

  void Compute(TF_OpKernelContext* context) {
    const Input g(context, 0), x(context, 1), scale(context, 2), threshold(context, 3);
    const Rows rows = Rows::Of(x.size(), threshold.size());
    float* dx = Output(context, 0, x.shape());
    float* d_scale = Output(context, 1, scale.shape());
    float* d_threshold = Output(context, 2, threshold.shape());
    if (dx == nullptr || d_scale == nullptr || d_threshold == nullptr || !Fits(context, rows, x, scale)) return;
    if (g.size() != x.size()) return Refuse(context, "Binarization: the gradient has another size than the tensor");
    const float s = scale.data()[0];
    const std::vector<float> limit = Repeated(threshold.data(), rows, s);
    const int64_t width = rows.width;
    Sums sums(3, width);
    sums.Collect(rows, [&](int64_t begin, int64_t count, float* block) {
      const int64_t at = begin * width;
      DifferentiateRows(g.data() + at, x.data() + at, dx + at, count, width, limit.data(), s, block, block + width, block + 2 * width);
    });
    d_scale[0] = static_cast<float>(sums.Total(0) / s + sums.Total(1));
    for (int64_t c = 0; c < rows.channels; ++c) d_threshold[c] = static_cast<float>(-sums.Channel(2, rows, c));
  }
};

// Input x; output y.
class BinarizeWeights {
 public:
  explicit BinarizeWeights(const Attributes& attributes) : per_filter_(attributes.Bool("per_filter")) {}

  void Compute(TF_OpKernelContext* context) {
    const Input x(context, 0);
    const std::vector<int64_t> shape = x.shape();
    const Rows rows = Rows::Of(x.size(), per_filter_ && !shape.empty() ? shape.back() : 1);
    float* y = Output(context, 0, shape);
    if (y == nullptr || rows.count == 0) return;
    const std::vector<float> means = Means(x, rows);
    const std::vector<float> mean = Repeated(means.data(), rows, 1.0f);
    ParallelFor(rows.count, RowGrain(rows.width), [&](int, int64_t begin, int64_t end) {
      SignRows(x.data() + begin * rows.width, y + begin * rows.width, end - begin, rows.width, mean.data());
    });
  }

 private:
  static std::vector<float> Means(const Input& x, const Rows& rows) {
    Sums sums(1, rows.width);
    sums.Collect(rows, [&](int64_t begin, int64_t count, float* block) { SumMagnitudes(x.data() + begin * rows.width, count, rows.width, block); });
    std::vector<float> means(rows.channels);
    const double count = static_cast<double>(x.size() / rows.channels);
    for (int64_t c = 0; c < rows.channels; ++c) means[c] = static_cast<float>(sums.Channel(0, rows, c) / count);
    return means;
  }

  bool per_filter_;
};

}  // namespace

std::string RegisterBinarization() {
  std::string message =
      RegisterKernel<BinarizeActivations>("NncfBinarizeActivations", {"x: float", "scale: float", "threshold: float"}, {"y: float"}, {});
  if (message.empty()) {
    message = RegisterKernel<BinarizeActivationsGrad>("NncfBinarizeActivationsGrad", {"dy: float", "x: float", "scale: float", "threshold: float"},
                                                      {"dx: float", "d_scale: float", "d_threshold: float"}, {});
  }
  if (message.empty()) message = RegisterKernel<BinarizeWeights>("NncfBinarizeWeights", {"x: float"}, {"y: float"}, {"per_filter: bool"});
  return message;
}

}  // namespace nncf
