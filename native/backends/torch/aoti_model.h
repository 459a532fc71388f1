// An AOTInductor package (`.pt2`): machine code that torch compiled for one kind of CPU or GPU.
#pragma once

#include <memory>
#include <string>

#include "device_runner.h"
#include "model.h"

namespace infernode::torch_backend {

struct AotiPackage;

// Loading runs code from the package. Names, dtypes and bounds of the inputs stand in the package's source text, which
// the TypeScript side reads and checks before each run: the compiled code itself does not check and answers wrongly.
class AotiModel final : public inf_model {
 public:
  explicit AotiModel(const inf_load_options& options);

  // Takes the leaves of the exported inputs in order, every one a tensor. Outputs are named output.0, output.1, ...
  std::unique_ptr<Result> run(uint32_t method, const inf_value* arguments, size_t count) override;
  std::string state() const override { return runner_->state(); }

 private:
  at::Device device_;
  AotiPackage& package_;
  std::unique_ptr<DeviceRunner> runner_;
};

}  // namespace infernode::torch_backend
