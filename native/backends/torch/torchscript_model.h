// A TorchScript program: `.pt` from torch.jit.trace or torch.jit.script, and `.ptl` files that keep their code.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "callable.h"
#include "device_runner.h"
#include "model.h"
#include "precision.h"

namespace infernode::torch_backend {

// A stateless model is frozen: attributes become constants, batch normalisation of forward folds into convolutions, and
// layers are fused. A model that changes its own attributes stays as it was saved, and its calls run one at a time.
class TorchScriptModel final : public inf_model {
 public:
  // Throws c10::Error for a file that libtorch cannot load, BackendError INF_PRECISION_UNSUPPORTED.
  explicit TorchScriptModel(const inf_load_options& options);

  std::unique_ptr<Result> run(uint32_t method, const inf_value* arguments, size_t count) override;
  std::string state() const override { return runner_->state(); }

 private:
  c10::IValue compute(Callable& callable, const DeviceRunner::Call& call, TensorPlace& place);
  void freeze();
  void convert(const inf_load_options& options);
  void fuse();
  void describe();

  at::Device device_;
  Computation computation_;
  torch::jit::Module module_;
  torch::jit::Module frozen_;                // keeps the frozen methods alive
  torch::jit::CompilationUnit call_stacks_;  // of the frozen graphs
  bool stateful_ = false;
  bool is_frozen_ = false;
  std::string frozen_note_;
  std::vector<Callable> callables_;
  std::unique_ptr<DeviceRunner> runner_;
  std::mutex state_mutex_;  // held during the calls of a stateful model
};

}  // namespace infernode::torch_backend
