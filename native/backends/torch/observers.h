// The observer modules that libtorch's quantization passes insert into a model: they see tensors during calibration and
// then tell scale and zero point.
#pragma once

#include <torch/csrc/jit/api/module.h>
#include <torch/custom_class.h>

#include <string>
#include <tuple>

#include "histogram.h"

namespace infernode::torch_backend {

// How the range of activations is chosen from what calibration shows.
enum class RangeMethod { kMinMax, kPercentile, kLeastSquares };

// Watches one activation. Lives inside an observer module as an attribute, for a module written in TorchScript cannot
// keep a C++ object in any other way.
class ActivationWatch final : public torch::CustomClassHolder {
 public:
  ActivationWatch(RangeMethod method, bool reduce_range) : method_(method), reduce_range_(reduce_range) {}

  at::Tensor observe(const at::Tensor& values);
  // float [1] and int64 [1], for quint8.
  std::tuple<at::Tensor, at::Tensor> parameters() const;

  const Histogram& histogram() const { return histogram_; }
  RangeMethod method() const { return method_; }
  bool reduce_range() const { return reduce_range_; }

 private:
  Histogram histogram_;
  RangeMethod method_;
  bool reduce_range_;
};

// Watches a weight: symmetric qint8, one scale for each slice of axis 0.
class WeightWatch final : public torch::CustomClassHolder {
 public:
  at::Tensor observe(const at::Tensor& values);
  // float and int64, both [channels].
  std::tuple<at::Tensor, at::Tensor> parameters() const;

 private:
  at::Tensor greatest_;  // absolute values
};

// `reduce_range`: 7 bits, for CPUs whose 8-bit products are summed in 16 bits, which would overflow (no VNNI).
torch::jit::Module activation_observer(RangeMethod method, bool reduce_range);
torch::jit::Module weight_observer();
// For dynamic quantization, which measures activations in each call: does nothing.
torch::jit::Module dynamic_observer(bool reduce_range);

}  // namespace infernode::torch_backend
