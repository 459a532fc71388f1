// Turns the arguments of a call into what libtorch takes.
#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <string>

#include "infernode/backend.h"
#include "tensor_place.h"

namespace infernode::torch_backend {

// The value of one argument of type `type`; `name` is for messages. `copy` as in TensorPlace. Throws BackendError
// INF_INPUT_TYPE.
c10::IValue to_ivalue(const inf_value& value, const c10::TypePtr& type, const std::string& name, TensorPlace& place,
                      bool copy);

}  // namespace infernode::torch_backend
