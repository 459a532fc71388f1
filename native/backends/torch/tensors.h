// Walks over the tensors inside a value.
#pragma once

#include <ATen/core/ivalue.h>

#include <functional>

namespace infernode::torch_backend {

// A copy of the value in which every tensor is replaced by what `change` makes of it: in tuples, lists and dicts too.
c10::IValue map_tensors(const c10::IValue& value, const std::function<at::Tensor(const at::Tensor&)>& change);

}  // namespace infernode::torch_backend
