// A TorchScript program: `.pt` from torch.jit.trace or torch.jit.script, and `.ptl` files that keep their code.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <mutex>
#include <string>
#include <vector>

#include "graph_facts.h"
#include "model.h"

namespace infernode::torch_backend {

// A stateless model is frozen: attributes become constants, batch normalisation of forward folds into convolutions.
// A model that changes its own attributes stays as it was saved, and its calls run one at a time.
class TorchScriptModel final : public inf_model {
 public:
  // Throws c10::Error for a file that libtorch cannot load.
  explicit TorchScriptModel(const inf_load_options& options);

  std::unique_ptr<Result> run(uint32_t method, const inf_value* arguments, size_t count) override;

 private:
  struct Callable {
    torch::jit::Method method;
    GraphFacts facts;
  };

  void freeze();
  void describe(const inf_load_options& options);
  std::vector<c10::IValue> bind(const Callable& callable, const inf_value* arguments, size_t count) const;

  at::Device device_;
  torch::jit::Module module_;
  torch::jit::Module frozen_;  // keeps the frozen methods alive
  bool stateful_ = false;
  std::string frozen_note_;
  std::vector<Callable> callables_;
  std::mutex state_mutex_;  // held during the calls of a stateful model
};

}  // namespace infernode::torch_backend
