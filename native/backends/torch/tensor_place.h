// Where the tensors of a call come to lie.
#pragma once

#include <ATen/core/Tensor.h>

#include "infernode/backend.h"

namespace infernode::torch_backend {

// Asked once for each tensor of a call, in the order of the arguments. Lives as long as the call.
class TensorPlace {
 public:
  TensorPlace() = default;
  TensorPlace(const TensorPlace&) = delete;
  TensorPlace& operator=(const TensorPlace&) = delete;
  virtual ~TensorPlace() = default;

  // The caller's tensor where the model computes. With `copy` it never shares the caller's memory: for a model that
  // writes to the input or keeps it.
  virtual at::Tensor place(const inf_tensor& tensor, bool copy) = 0;
};

// The memory of the caller itself, or a copy in the memory of the CPU.
class HostPlace final : public TensorPlace {
 public:
  at::Tensor place(const inf_tensor& tensor, bool copy) override;
};

}  // namespace infernode::torch_backend
