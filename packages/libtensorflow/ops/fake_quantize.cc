// Fake quantization on a grid of `levels` points from `low` to `low + range`, and its gradient, in one pass each.
//
//   s = (levels - 1)/range   zp = round(-low*s)   y = round((clamp(x, low, low + range) - low)*s - zp)/s
//
// The grid is given, or made from parameters (`rule`) in the same steps as the compositions make it: a scale whose sign does not count, or a range that is
// tuned so that zero is one of its points.
//
// Every step is rounded to float32 on its own and rounding goes half to even, so that the numbers are those of the composition out of TensorFlow.js
// operations (compile without contraction to fused multiply-adds). The tensor is seen as outer x channels x inner values.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernel.h"
#include "operations.h"
#include "parallel.h"

namespace nncf {
namespace {

// Adding and taking off 1.5*2^23 rounds a float32 below 2^22 half to even; the levels are at most 2^16.
constexpr float kRounder = 12582912.0f;

// Values below which a loop is not worth sharing out.
constexpr int64_t kGrain = 32768;

// Values that are summed in float32 before they are added to a double.
constexpr int64_t kBlock = 1024;
constexpr int kLanes = 16;

struct Grid {
  float low;
  float high;
  float s;
  float zero_point;
};

Grid MakeGrid(float low, float range, float steps) {
  const float s = steps / range;
  const float shifted = -low * s;
  return {low, low + range, s, (shifted + kRounder) - kRounder};
}

// How low and range follow from the two parameters of a channel.
enum Rule { kGiven = 0, kSymmetric = 1, kTuned = 2 };

// Keeps a parameter that training has driven to zero from dividing by zero.
constexpr float kEpsilon = 1e-16f;

struct Range {
  float low;
  float range;
};

// From S*level_ratio to S, with S = |scale| + epsilon.
Range Symmetric(float scale, float level_ratio) {
  const float high = std::fabs(scale) + kEpsilon;
  const float low = high * level_ratio;
  return {low, high - low};
}

// Moves one end outwards until zero is a grid point, the end for which that widens the range less.
Range Tuned(float input_low, float input_range, float steps) {
  const float high = std::max((std::fabs(input_range) + kEpsilon) + input_low, 0.0f);
  const float low = std::min(input_low, 0.0f);
  const float shifted = std::fabs(low) * (steps / (high - low));
  const float zero_point = (shifted + kRounder) - kRounder;
  const float below = zero_point - steps;
  const float new_low = zero_point < steps ? zero_point / below * high : low;
  const float new_high = zero_point > 0 ? below / zero_point * low : high;
  const bool move_low = high - new_low > new_high - low;
  const float tuned_low = move_low ? new_low : low;
  return {tuned_low, (move_low ? high : new_high) - tuned_low};
}

float Sign(float x) { return static_cast<float>((x > 0) - (x < 0)); }

inline float Quantize(float x, float low, float high, float s, float zero_point) {
  const float below = x > high ? high : x;
  const float clamped = below < low ? low : below;
  const float level = (clamped - low) * s - zero_point;
  return ((level + kRounder) - kRounder) / s;
}

NNCF_VECTORIZED void QuantizeRun(const float* x, float* y, int64_t count, float low, float high, float s, float zero_point) {
  for (int64_t i = 0; i < count; ++i) y[i] = Quantize(x[i], low, high, s, zero_point);
}

// One row of a tensor whose channels are the fastest axis.
NNCF_VECTORIZED void QuantizeRows(const float* x, float* y, int64_t rows, int64_t channels, const float* low, const float* high, const float* s,
                                  const float* zero_point) {
  for (int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    for (int64_t c = 0; c < channels; ++c) y[c] = Quantize(x[c], low[c], high[c], s[c], zero_point[c]);
  }
}

// Sums over the values of a channel: g*(y - x) inside, g above, g below.
struct Sums {
  double rounding = 0;
  double above = 0;
  double below = 0;
};

// A block of at most kBlock values of one channel, summed in lanes so that the compiler can keep them in one register.
NNCF_VECTORIZED void DifferentiateBlock(const float* g, const float* x, float* dx, int64_t count, const float* grid, float* lanes) {
  const float low = grid[0], high = grid[1], s = grid[2], zero_point = grid[3];
  float rounding[kLanes] = {}, above[kLanes] = {}, below[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const float value = x[i + lane], upstream = g[i + lane];
      const float over = value > high ? upstream : 0.0f;
      const float under = value < low ? upstream : 0.0f;
      const float inside = value > high || value < low ? 0.0f : upstream;
      dx[i + lane] = inside;
      rounding[lane] += inside * (Quantize(value, low, high, s, zero_point) - value);
      above[lane] += over;
      below[lane] += under;
    }
  }
  for (; i < count; ++i) {
    const bool over = x[i] > high, under = x[i] < low;
    dx[i] = over || under ? 0.0f : g[i];
    rounding[0] += dx[i] * (Quantize(x[i], low, high, s, zero_point) - x[i]);
    above[0] += over ? g[i] : 0.0f;
    below[0] += under ? g[i] : 0.0f;
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    lanes[0] += rounding[lane];
    lanes[1] += above[lane];
    lanes[2] += below[lane];
  }
}

void DifferentiateRun(const float* g, const float* x, float* dx, int64_t count, const Grid& grid, Sums& sums) {
  const float numbers[4] = {grid.low, grid.high, grid.s, grid.zero_point};
  for (int64_t i = 0; i < count; i += kBlock) {
    float lanes[3] = {};
    DifferentiateBlock(g + i, x + i, dx + i, std::min(kBlock, count - i), numbers, lanes);
    sums.rounding += lanes[0];
    sums.above += lanes[1];
    sums.below += lanes[2];
  }
}

// Rows of a tensor whose channels are the fastest axis, with a sum for every channel.
NNCF_VECTORIZED void DifferentiateRows(const float* g, const float* x, float* dx, int64_t rows, int64_t channels, const float* low,
                                       const float* high, const float* s, const float* zero_point, float* rounding, float* above, float* below) {
  for (int64_t row = 0; row < rows; ++row, g += channels, x += channels, dx += channels) {
    for (int64_t c = 0; c < channels; ++c) {
      const float value = x[c], upstream = g[c];
      const bool over = value > high[c], under = value < low[c];
      const float inside = over || under ? 0.0f : upstream;
      dx[c] = inside;
      rounding[c] += inside * (Quantize(value, low[c], high[c], s[c], zero_point[c]) - value);
      above[c] += over ? upstream : 0.0f;
      below[c] += under ? upstream : 0.0f;
    }
  }
}

// How the tensor is seen, and its grids by channel.
class View {
 public:
  View(const Attributes& attributes)
      : levels_(static_cast<float>(attributes.Int("levels") - 1)),
        inner_(std::max<int64_t>(attributes.Int("inner"), 1)),
        rule_(static_cast<Rule>(attributes.Int("rule"))),
        level_ratio_(attributes.Float("level_ratio")) {}

  // False where the shapes do not fit, which TensorFlow has then been told.
  bool Fill(TF_OpKernelContext* context, int64_t size, const Input& low, const Input& range) {
    channels_ = low.size();
    if (range.size() != channels_ || channels_ == 0 || size % (channels_ * inner_) != 0) {
      Refuse(context, "Fake quantization: " + std::to_string(size) + " values do not divide into " + std::to_string(channels_) + " channels of " +
                          std::to_string(inner_) + " values");
      return false;
    }
    outer_ = size / (channels_ * inner_);
    for (std::vector<float>* each : {&low_, &high_, &s_, &zero_point_, &range_}) each->resize(channels_);
    for (int64_t c = 0; c < channels_; ++c) {
      const Range made = RangeOf(low.data()[c], range.data()[c]);
      const Grid grid = MakeGrid(made.low, made.range, levels_);
      range_[c] = made.range;
      low_[c] = grid.low, high_[c] = grid.high, s_[c] = grid.s, zero_point_[c] = grid.zero_point;
    }
    return true;
  }

  int64_t outer() const { return outer_; }
  int64_t channels() const { return channels_; }
  int64_t inner() const { return inner_; }
  float range(int64_t c) const { return range_[c]; }
  float level_ratio() const { return level_ratio_; }
  // Parameters whose sign does not count hand the gradient on with their sign.
  float sign(float parameter) const { return rule_ == kGiven ? 1.0f : Sign(parameter); }
  Grid grid(int64_t c) const { return {low_[c], high_[c], s_[c], zero_point_[c]}; }
  const float* low() const { return low_.data(); }
  const float* high() const { return high_.data(); }
  const float* s() const { return s_.data(); }
  const float* zero_point() const { return zero_point_.data(); }

 private:
  Range RangeOf(float low, float range) const {
    if (rule_ == kSymmetric) return Symmetric(range, level_ratio_);
    return rule_ == kTuned ? Tuned(low, range, levels_) : Range{low, range};
  }

  float levels_;
  int64_t inner_;
  Rule rule_;
  float level_ratio_;
  int64_t outer_ = 0;
  int64_t channels_ = 0;
  std::vector<float> low_, high_, s_, zero_point_, range_;
};

// Inputs x, low, range (or the parameters that the rule makes them from); output y.
class FakeQuantize {
 public:
  explicit FakeQuantize(const Attributes& attributes) : attributes_view_(attributes) {}

  void Compute(TF_OpKernelContext* context) {
    const Input x(context, 0), low(context, 1), range(context, 2);
    View view = attributes_view_;
    float* y = Output(context, 0, x.shape());
    if (y == nullptr || !view.Fill(context, x.size(), low, range)) return;
    if (view.channels() == 1) return WholeTensor(x.data(), y, x.size(), view.grid(0));
    if (view.inner() == 1) return Rows(x.data(), y, view);
    for (int64_t run = 0; run < view.outer() * view.channels(); ++run) {
      const Grid grid = view.grid(run % view.channels());
      const int64_t at = run * view.inner();
      QuantizeRun(x.data() + at, y + at, view.inner(), grid.low, grid.high, grid.s, grid.zero_point);
    }
  }

 private:
  static void WholeTensor(const float* x, float* y, int64_t size, const Grid& grid) {
    ParallelFor(size, kGrain, [&](int, int64_t begin, int64_t end) {
      QuantizeRun(x + begin, y + begin, end - begin, grid.low, grid.high, grid.s, grid.zero_point);
    });
  }

  static void Rows(const float* x, float* y, const View& view) {
    const int64_t channels = view.channels();
    ParallelFor(view.outer(), std::max<int64_t>(kGrain / channels, 2), [&](int, int64_t begin, int64_t end) {
      QuantizeRows(x + begin * channels, y + begin * channels, end - begin, channels, view.low(), view.high(), view.s(), view.zero_point());
    });
  }

  View attributes_view_;
};

// Inputs dy, x, low, range; outputs dx and, for every channel, dRange and dLow.
class FakeQuantizeGrad {
 public:
  explicit FakeQuantizeGrad(const Attributes& attributes) : attributes_view_(attributes) {}

  void Compute(TF_OpKernelContext* context) {
    const Input g(context, 0), x(context, 1), low(context, 2), range(context, 3);
    View view = attributes_view_;
    float* dx = Output(context, 0, x.shape());
    float* d_range = Output(context, 1, range.shape());
    float* d_low = Output(context, 2, low.shape());
    if (dx == nullptr || d_range == nullptr || d_low == nullptr || !view.Fill(context, x.size(), low, range)) return;
    if (g.size() != x.size()) return Refuse(context, "Fake quantization: the gradient has another size than the tensor");
    const std::vector<Sums> sums = Differentiate(g.data(), x.data(), dx, x.size(), view);
    for (int64_t c = 0; c < view.channels(); ++c) {
      const double ratio = view.level_ratio();
      const float gradient = static_cast<float>(sums[c].rounding / view.range(c) + sums[c].above + sums[c].below * ratio);
      d_range[c] = gradient * view.sign(range.data()[c]);
      d_low[c] = static_cast<float>(sums[c].above + sums[c].below);
    }
  }

 private:
  static std::vector<Sums> Differentiate(const float* g, const float* x, float* dx, int64_t size, const View& view) {
    if (view.channels() == 1) return WholeTensor(g, x, dx, size, view.grid(0));
    if (view.inner() == 1) return Rows(g, x, dx, view);
    std::vector<Sums> sums(view.channels());
    for (int64_t run = 0; run < view.outer() * view.channels(); ++run) {
      const int64_t c = run % view.channels(), at = run * view.inner();
      DifferentiateRun(g + at, x + at, dx + at, view.inner(), view.grid(c), sums[c]);
    }
    return sums;
  }

  static std::vector<Sums> WholeTensor(const float* g, const float* x, float* dx, int64_t size, const Grid& grid) {
    std::vector<Sums> parts(PartCount());
    ParallelFor(size, kGrain,
                [&](int part, int64_t begin, int64_t end) { DifferentiateRun(g + begin, x + begin, dx + begin, end - begin, grid, parts[part]); });
    Sums total;
    for (const Sums& part : parts) Add(total, part.rounding, part.above, part.below);
    return {total};
  }

  static std::vector<Sums> Rows(const float* g, const float* x, float* dx, const View& view) {
    const int64_t channels = view.channels();
    std::vector<std::vector<Sums>> parts(PartCount(), std::vector<Sums>(channels));
    ParallelFor(view.outer(), std::max<int64_t>(kGrain / channels, 2),
                [&](int part, int64_t begin, int64_t end) { SumRows(g, x, dx, view, begin, end, parts[part]); });
    std::vector<Sums> total(channels);
    for (const std::vector<Sums>& part : parts) {
      for (int64_t c = 0; c < channels; ++c) Add(total[c], part[c].rounding, part[c].above, part[c].below);
    }
    return total;
  }

  static void SumRows(const float* g, const float* x, float* dx, const View& view, int64_t begin, int64_t end, std::vector<Sums>& sums) {
    const int64_t channels = view.channels();
    std::vector<float> rounding(channels), above(channels), below(channels);
    for (int64_t row = begin; row < end; row += kBlock) {
      for (std::vector<float>* each : {&rounding, &above, &below}) std::fill(each->begin(), each->end(), 0.0f);
      const int64_t at = row * channels;
      DifferentiateRows(g + at, x + at, dx + at, std::min(kBlock, end - row), channels, view.low(), view.high(), view.s(), view.zero_point(),
                        rounding.data(), above.data(), below.data());
      for (int64_t c = 0; c < channels; ++c) Add(sums[c], rounding[c], above[c], below[c]);
    }
  }

  static void Add(Sums& to, double rounding, double above, double below) {
    to.rounding += rounding;
    to.above += above;
    to.below += below;
  }

  View attributes_view_;
};

}  // namespace

std::string RegisterFakeQuantize() {
  const std::string forward =
      RegisterKernel<FakeQuantize>("NncfFakeQuantize", {"x: float", "low: float", "range: float"}, {"y: float"}, {"levels: int", "inner: int", "rule: int", "level_ratio: float"});
  if (!forward.empty()) return forward;
  return RegisterKernel<FakeQuantizeGrad>("NncfFakeQuantizeGrad", {"dy: float", "x: float", "low: float", "range: float"},
                                          {"dx: float", "d_range: float", "d_low: float"}, {"levels: int", "inner: int", "rule: int", "level_ratio: float"});
}

}  // namespace nncf
