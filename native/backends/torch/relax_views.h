// Lets a program that was written for one layout of images compute in another.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace infernode::torch_backend {

// `view` demands memory in the order of the sizes, which a convolution in NHWC does not leave behind. `reshape` is the
// same where that holds, and copies where it does not. A view that is written through stays: a copy would take the
// write.
void relax_views(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace infernode::torch_backend
