// Makes a float32 program compute in another precision, or with another layout of its images.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string_view>

namespace infernode::torch_backend {

// How a model computes. Its inputs and outputs keep the dtypes that it was saved with.
struct Computation {
  at::ScalarType dtype = at::kFloat;  // what float32 is converted to; float32 leaves everything as it was saved
  bool channels_last = false;
  bool tf32 = false;

  bool converts() const { return dtype != at::kFloat || channels_last; }
};

// The name of the dtype that it computes in, where that is not the one that was saved; else "".
const char* computed_in(const Computation& computation);

// What a precision name means on this device. Throws BackendError INF_PRECISION_UNSUPPORTED.
Computation computation_of(std::string_view precision, int channels_last, const at::Device& device);

// Changes weights, buffers and constants in place; must come before freezing, which copies them. Throws BackendError
// INF_PRECISION_UNSUPPORTED for a model without float32 weights.
void convert_module(torch::jit::Module& module, const Computation& computation);

// What a converted module takes and gives for what the model takes and gives.
c10::IValue convert_input(const c10::IValue& value, const Computation& computation);
c10::IValue convert_output(const c10::IValue& value, const Computation& computation);

}  // namespace infernode::torch_backend
