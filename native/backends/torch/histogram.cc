#include "histogram.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace infernode::torch_backend {

void Histogram::add(const at::Tensor& values) {
  if (values.numel() == 0) return;
  auto floats = values.detach().to(at::kFloat).flatten();
  auto [least, greatest] = floats.aminmax();
  if (!std::isfinite(least.item<float>()) || !std::isfinite(greatest.item<float>())) {
    saw_non_finite_ = true;
    floats = floats.masked_select(floats.isfinite());
    if (floats.numel() == 0) return;
    std::tie(least, greatest) = floats.aminmax();
  }
  const float low = least.item<float>();
  const float high = greatest.item<float>();
  least_ = total_ == 0 ? low : std::min(least_, low);
  greatest_ = total_ == 0 ? high : std::max(greatest_, high);
  cover(low, high);
  const auto bins = static_cast<int64_t>(counts_.size());
  const auto counts = floats.histc(bins, low_, low_ + width_ * static_cast<double>(bins)).contiguous();
  const auto* data = counts.const_data_ptr<float>();
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += data[i];
  total_ += static_cast<double>(floats.numel());
}

void Histogram::cover(float low, float high) {
  const auto bins = static_cast<double>(counts_.size());
  if (total_ == 0) {
    // A little room, so that rounding loses no value at the edges; and a width where all values are alike.
    const double room = std::max((static_cast<double>(high) - low) * 1e-3, 1e-6 + std::abs(high) * 1e-6);
    low_ = low - room;
    width_ = (high - low + 2 * room) / bins;
    return;
  }
  const size_t half = counts_.size() / 2;
  while (low < low_ || high > low_ + width_ * bins) {
    const bool downwards = low < low_;
    std::vector<double> merged(counts_.size());
    for (size_t i = 0; i < half; ++i) merged[i + (downwards ? half : 0)] = counts_[2 * i] + counts_[2 * i + 1];
    if (downwards) low_ -= width_ * bins;
    width_ *= 2;
    counts_ = std::move(merged);
  }
}

Range Histogram::percentile(double fraction) const {
  const double cut = total_ * (1 - fraction) / 2;
  size_t first = 0;
  size_t last = counts_.size() - 1;
  for (double seen = counts_[first]; seen <= cut && first < last;) seen += counts_[++first];
  for (double seen = counts_[last]; seen <= cut && last > first;) seen += counts_[--last];
  const auto low = static_cast<float>(low_ + static_cast<double>(first) * width_);
  const auto high = static_cast<float>(low_ + static_cast<double>(last + 1) * width_);
  return {std::max(low, least_), std::min(high, greatest_)};
}

Range Histogram::least_squares(int levels) const {
  constexpr int kSteps = 128;
  Range best = full();
  double least = squared_error(best, levels);
  // Twice: where the lower end should be depends on the upper one.
  for (int round = 0; round < 2; ++round) {
    for (const bool upper : {true, false}) {
      const Range start = best;
      const float step = (start.high - start.low) / kSteps;
      for (int i = 1; i < kSteps; ++i) {
        Range range = start;
        (upper ? range.high : range.low) += (upper ? -step : step) * static_cast<float>(i);
        const double error = squared_error(range, levels);
        if (error < least) {
          least = error;
          best = range;
        }
      }
    }
  }
  return best;
}

double Histogram::squared_error(const Range& range, int levels) const {
  // Zero is always one of the steps: padding and relu must stay exact.
  const double low = std::min(0.0, static_cast<double>(range.low));
  const double high = std::max(0.0, static_cast<double>(range.high));
  const double scale = std::max((high - low) / (levels - 1), 1e-12);
  const double zero = std::nearbyint(-low / scale);
  double error = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    const double value = center(i);
    const double step = std::clamp(std::nearbyint(value / scale) + zero, 0.0, static_cast<double>(levels - 1));
    const double difference = value - (step - zero) * scale;
    error += counts_[i] * difference * difference;
  }
  return error;
}

}  // namespace infernode::torch_backend
