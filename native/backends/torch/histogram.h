// A histogram of values that come batch by batch, and the ranges for quantization that can be read from it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace infernode::torch_backend {

// The real numbers that the least and the greatest quantized value stand for.
struct Range {
  float low = 0;
  float high = 0;
};

// Counts values in a fixed number of bins. When values fall outside, the range doubles and bins merge in pairs, so no
// count is ever split between bins. Not thread-safe.
class Histogram {
 public:
  explicit Histogram(int64_t bins = 2048) : counts_(static_cast<size_t>(bins)) {}

  // Adds the finite values of a tensor of any floating dtype and shape.
  void add(const at::Tensor& values);

  bool empty() const { return total_ == 0; }
  double total() const { return total_; }
  // Whether a value was NaN or infinite.
  bool saw_non_finite() const { return saw_non_finite_; }

  // Of all values.
  Range full() const { return {least_, greatest_}; }
  // Without the (1 - fraction) / 2 smallest and as many of the greatest values.
  Range percentile(double fraction) const;
  // The range for which quantizing to `levels` steps loses least, in the mean of squares. The ends are moved inwards
  // one after the other, as PyTorch's HistogramObserver and Caffe2's norm minimization do.
  Range least_squares(int levels) const;

 private:
  void cover(float low, float high);
  double squared_error(const Range& range, int levels) const;
  double center(size_t bin) const { return low_ + (static_cast<double>(bin) + 0.5) * width_; }

  std::vector<double> counts_;
  double low_ = 0;    // lower edge of the first bin
  double width_ = 0;  // of one bin
  double total_ = 0;
  float least_ = 0;
  float greatest_ = 0;
  bool saw_non_finite_ = false;
};

}  // namespace infernode::torch_backend
