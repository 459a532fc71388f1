// Devices that a program names itself.
#pragma once

#include <torch/csrc/jit/api/module.h>

namespace infernode::torch_backend {

// A program that was traced names the device that it was traced on, wherever it makes a tensor: positions made by
// `torch.arange(..., device=x.device)` would stay there. Each such CPU or GPU becomes `device`. Must come before
// freezing, which computes constants.
void place_constants(torch::jit::Module& module, const at::Device& device);

}  // namespace infernode::torch_backend
