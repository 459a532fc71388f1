// Turns the arguments of a call into what libtorch takes.
#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <string>

#include "infernode/backend.h"

namespace infernode::torch_backend {

// A tensor over the caller's memory. With `copy`, over its own: for a model that writes to the input or keeps it.
at::Tensor to_tensor(const inf_tensor& tensor, at::Device device, bool copy);

// The value of one argument of type `type`; `name` is for messages. Throws BackendError INF_INPUT_TYPE.
c10::IValue to_ivalue(const inf_value& value, const c10::TypePtr& type, const std::string& name, at::Device device,
                      bool copy);

}  // namespace infernode::torch_backend
