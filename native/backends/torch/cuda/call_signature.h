// What makes two calls equal for a recorded graph.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "infernode/backend.h"

namespace infernode::torch_backend {

// Method, structure, dtypes, shapes, and scalars by value: `0(float32[8,3,224,224],true)`. Nothing for a call that
// holds too much text or too many values to be told from others cheaply, or strings as a tensor.
std::optional<std::string> call_signature(uint32_t method, const inf_value* arguments, size_t count);

// The tensors of a call, in the order in which they are placed.
std::vector<const inf_tensor*> tensors_of(const inf_value* arguments, size_t count);

// The first size of the first tensor that has one, -1 if none has: rows, for a model whose calls can be joined.
int64_t rows_of(const inf_value* arguments, size_t count);

}  // namespace infernode::torch_backend
