// Batch normalization with the batch's own statistics, and its gradient: each reads the tensor twice, once for sums and once to write.
//
//   y = (x - mean)*a + offset,  a = scale/sqrt(variance + epsilon)
//   dx = a*(dy - sum(dy)/n - (x - mean)*sum(dy*(x - mean))/(n*(variance + epsilon)))
//
// Channels are the fastest axis. Few channels would leave vector registers half empty, so several rows are taken as one wide row and its lanes are
// added up by channel at the end.
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

// Wide rows that are summed in float32 before they are added to doubles.
constexpr int64_t kBlock = 32;

// A wide row holds at least this many values.
constexpr int64_t kWidth = 128;

using Floats = std::vector<float>;

// Sums over x - pivot and its square, lane by lane.
NNCF_VECTORIZED void SumRows(const float* x, int64_t rows, int64_t width, const float* pivot, float* sum, float* square) {
  for (int64_t row = 0; row < rows; ++row, x += width) {
    for (int64_t i = 0; i < width; ++i) {
      const float value = x[i] - pivot[i];
      sum[i] += value;
      square[i] += value * value;
    }
  }
}

// Sums over g and g*(x - mean), lane by lane.
NNCF_VECTORIZED void SumGradientRows(const float* g, const float* x, int64_t rows, int64_t width, const float* mean, float* sum, float* product) {
  for (int64_t row = 0; row < rows; ++row, x += width, g += width) {
    for (int64_t i = 0; i < width; ++i) {
      sum[i] += g[i];
      product[i] += g[i] * (x[i] - mean[i]);
    }
  }
}

NNCF_VECTORIZED void NormalizeRows(const float* x, float* y, int64_t rows, int64_t width, const float* mean, const float* a, const float* offset) {
  for (int64_t row = 0; row < rows; ++row, x += width, y += width) {
    for (int64_t i = 0; i < width; ++i) y[i] = (x[i] - mean[i]) * a[i] + offset[i];
  }
}

NNCF_VECTORIZED void DifferentiateRows(const float* g, const float* x, float* dx, int64_t rows, int64_t width, const float* mean, const float* a,
                                       const float* shift, const float* slope) {
  for (int64_t row = 0; row < rows; ++row, x += width, g += width, dx += width) {
    for (int64_t i = 0; i < width; ++i) dx[i] = ((g[i] - shift[i]) - (x[i] - mean[i]) * slope[i]) * a[i];
  }
}

// How a tensor of `size` values is cut into wide rows; the last may be shorter.
struct Rows {
  Rows(int64_t size, int64_t channels)
      : size(size), channels(channels), width(channels * std::max<int64_t>(1, (kWidth + channels - 1) / channels)), full(size / width) {}

  int64_t count() const { return size / channels; }

  // Calls work(part, first value, rows, width) for all full rows, shared out, and for the rest as one row on this thread.
  template <typename Work>
  void ForEach(const Work& work) const {
    ParallelFor(full, std::max<int64_t>(kGrain / width, 2),
                [&](int part, int64_t begin, int64_t end) { work(part, begin * width, end - begin, width); });
    if (full * width < size) work(0, full * width, 1, size - full * width);
  }

  // One number for each channel, repeated for each lane.
  Floats Spread(const float* by_channel) const {
    Floats lanes(width);
    for (int64_t i = 0; i < width; ++i) lanes[i] = by_channel[i % channels];
    return lanes;
  }

  int64_t size, channels, width, full;
};

// Two sums for each channel.
struct Sums {
  explicit Sums(int64_t channels) : first(channels), second(channels) {}
  std::vector<double> first, second;
};

// Adds up two sums over all rows: `sum(first value, rows, width, lanes, lanes)` adds a few rows to lanes of float32.
template <typename Sum>
Sums AddUp(const Rows& rows, const Sum& sum) {
  std::vector<Sums> parts(PartCount(), Sums(rows.channels));
  rows.ForEach([&](int part, int64_t at, int64_t count, int64_t width) {
    Floats first(width), second(width);
    for (int64_t row = 0; row < count; row += kBlock) {
      std::fill(first.begin(), first.end(), 0.0f);
      std::fill(second.begin(), second.end(), 0.0f);
      sum(at + row * width, std::min(kBlock, count - row), width, first.data(), second.data());
      for (int64_t i = 0; i < width; ++i) {
        parts[part].first[i % rows.channels] += first[i];
        parts[part].second[i % rows.channels] += second[i];
      }
    }
  });
  for (size_t part = 1; part < parts.size(); ++part) {
    for (int64_t c = 0; c < rows.channels; ++c) {
      parts[0].first[c] += parts[part].first[c];
      parts[0].second[c] += parts[part].second[c];
    }
  }
  return parts[0];
}

// Means of the first rows: near enough to the true ones that squares of the distance lose no digits.
Floats Pivots(const float* x, const Rows& rows) {
  const int64_t count = std::min<int64_t>(rows.count(), 16);
  Floats pivots(rows.channels);
  for (int64_t row = 0; row < count; ++row) {
    for (int64_t c = 0; c < rows.channels; ++c) pivots[c] += x[row * rows.channels + c] / count;
  }
  return pivots;
}

bool Fits(TF_OpKernelContext* context, int64_t size, int64_t channels) {
  if (channels > 0 && size > 0 && size % channels == 0) return true;
  Refuse(context, "Batch normalization: " + std::to_string(size) + " values do not divide into " + std::to_string(channels) + " channels");
  return false;
}

// Inputs x, scale, offset; outputs y, mean, variance with Bessel's correction, mean, variance without it, 1/sqrt(variance + epsilon): the six of
// TensorFlow's FusedBatchNormV3.
class BatchNorm {
 public:
  explicit BatchNorm(const Attributes& attributes) : epsilon_(attributes.Float("epsilon")) {}

  void Compute(TF_OpKernelContext* context) {
    const Input x(context, 0), scale(context, 1), offset(context, 2);
    const Rows rows(x.size(), std::max<int64_t>(scale.size(), 1));
    if (!Fits(context, x.size(), scale.size()) || !Fits(context, offset.size(), scale.size())) return;
    float* y = Output(context, 0, x.shape());
    float* statistics[5];
    for (int i = 0; i < 5; ++i) statistics[i] = Output(context, i + 1, scale.shape());
    if (y == nullptr || std::find(statistics, statistics + 5, nullptr) != statistics + 5) return;
    Measure(x.data(), rows, statistics);
    Floats a(rows.channels);
    for (int64_t c = 0; c < rows.channels; ++c) a[c] = scale.data()[c] * statistics[4][c];
    Normalize(x.data(), y, rows, rows.Spread(statistics[0]), rows.Spread(a.data()), rows.Spread(offset.data()));
  }

 private:
  void Measure(const float* x, const Rows& rows, float** statistics) const {
    const Floats pivots = Pivots(x, rows);
    const Floats lanes = rows.Spread(pivots.data());
    const Sums sums = AddUp(rows, [&](int64_t at, int64_t count, int64_t width, float* sum, float* square) {
      SumRows(x + at, count, width, lanes.data(), sum, square);
    });
    const double n = static_cast<double>(rows.count());
    for (int64_t c = 0; c < rows.channels; ++c) {
      const double shift = sums.first[c] / n;
      const double variance = std::max(sums.second[c] / n - shift * shift, 0.0);
      statistics[0][c] = statistics[2][c] = static_cast<float>(pivots[c] + shift);
      statistics[1][c] = static_cast<float>(variance * (n / std::max(n - 1, 1.0)));
      statistics[3][c] = static_cast<float>(variance);
      statistics[4][c] = static_cast<float>(1 / std::sqrt(variance + epsilon_));
    }
  }

  static void Normalize(const float* x, float* y, const Rows& rows, const Floats& mean, const Floats& a, const Floats& offset) {
    rows.ForEach([&](int, int64_t at, int64_t count, int64_t width) {
      NormalizeRows(x + at, y + at, count, width, mean.data(), a.data(), offset.data());
    });
  }

  float epsilon_;
};

// Inputs dy, x, scale, mean, variance, 1/sqrt(variance + epsilon); outputs dx, dScale, dOffset.
class BatchNormGrad {
 public:
  explicit BatchNormGrad(const Attributes&) {}

  void Compute(TF_OpKernelContext* context) {
    const Input g(context, 0), x(context, 1), scale(context, 2), mean(context, 3), inverse(context, 5);
    const Rows rows(x.size(), std::max<int64_t>(scale.size(), 1));
    if (!Fits(context, x.size(), scale.size()) || g.size() != x.size()) return;
    float* dx = Output(context, 0, x.shape());
    float* d_scale = Output(context, 1, scale.shape());
    float* d_offset = Output(context, 2, scale.shape());
    if (dx == nullptr || d_scale == nullptr || d_offset == nullptr) return;
    const Floats means = rows.Spread(mean.data());
    const Sums sums = AddUp(rows, [&](int64_t at, int64_t count, int64_t width, float* sum, float* product) {
      SumGradientRows(g.data() + at, x.data() + at, count, width, means.data(), sum, product);
    });
    Floats a(rows.channels), shift(rows.channels), slope(rows.channels);
    const double n = static_cast<double>(rows.count());
    for (int64_t c = 0; c < rows.channels; ++c) {
      const double deviation = inverse.data()[c];
      d_offset[c] = static_cast<float>(sums.first[c]);
      d_scale[c] = static_cast<float>(sums.second[c] * deviation);
      a[c] = scale.data()[c] * inverse.data()[c];
      shift[c] = static_cast<float>(sums.first[c] / n);
      slope[c] = static_cast<float>(sums.second[c] / n * deviation * deviation);
    }
    Differentiate(g.data(), x.data(), dx, rows, means, rows.Spread(a.data()), rows.Spread(shift.data()), rows.Spread(slope.data()));
  }

 private:
  static void Differentiate(const float* g, const float* x, float* dx, const Rows& rows, const Floats& mean, const Floats& a, const Floats& shift,
                            const Floats& slope) {
    rows.ForEach([&](int, int64_t at, int64_t count, int64_t width) {
      DifferentiateRows(g + at, x + at, dx + at, count, width, mean.data(), a.data(), shift.data(), slope.data());
    });
  }
};

}  // namespace

std::string RegisterBatchNorm() {
  const std::string forward =
      RegisterKernel<BatchNorm>("NncfBatchNorm", {"x: float", "scale: float", "offset: float"},
                                {"y: float", "mean: float", "corrected: float", "saved1: float", "saved2: float", "saved3: float"}, {"epsilon: float"});
  if (!forward.empty()) return forward;
  return RegisterKernel<BatchNormGrad>("NncfBatchNormGrad",
                                       {"dy: float", "x: float", "scale: float", "saved1: float", "saved2: float", "saved3: float"},
                                       {"dx: float", "d_scale: float", "d_offset: float"}, {});
}

}  // namespace nncf
