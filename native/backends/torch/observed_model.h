// A TorchScript program on its way to INT8: it runs as it is and watches its tensors, then is converted.
#pragma once

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/passes/quantization/insert_observers.h>

#include <set>
#include <string>
#include <vector>

#include "callable.h"
#include "infernode/backend.h"
#include "model.h"
#include "quantizable.h"

namespace infernode::torch_backend {

// Post-training quantization by libtorch's own passes. Only `forward` is quantized; other methods, such as one that
// resets a state, are kept as they are.
class ObservedModel final : public inf_model {
 public:
  // Throws BackendError INF_QUANTIZED_ALREADY, INF_QUANTIZE_NOTHING, INF_CONVERSION_FAILED.
  ObservedModel(const inf_load_options& options, const inf_recipe& recipe);

  // Runs the float program; INT8 exists after `convert` only.
  std::unique_ptr<Result> run(uint32_t method, const inf_value* arguments, size_t count) override;

  // Writes the quantized program to a file. Returns a report, JSON:
  // {"quantized": {op: count}, "left": {op: count}}, where `left` are operations with weights that stay as they were.
  // Throws BackendError INF_CALIBRATION_INVALID, INF_QUANTIZE_NOTHING, INF_CONVERSION_FAILED.
  const std::string& convert(const std::string& target);

 private:
  void check(const torch::jit::Module& module) const;
  torch::jit::QConfigDict configuration(const torch::jit::Module& module, const std::vector<QuantizableLayer>& layers,
                                        const inf_recipe& recipe) const;
  void check_calibration() const;

  torch::jit::QuantType type_;
  std::set<std::string> excluded_;   // paths of submodules
  std::vector<std::string> others_;  // methods beside forward
  torch::jit::Module observed_;
  std::vector<Callable> callables_;
  std::string report_;
};

}  // namespace infernode::torch_backend
