// The devices that this build of the backend computes on. cuda/devices.cc implements it where libtorch has CUDA,
// cpu_devices.cc elsewhere.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/FunctionRef.h>

#include <memory>
#include <string>

#include "device_runner.h"
#include "json.h"

namespace infernode::torch_backend {

// Settings of the process that suit the devices; once, before anything runs.
void initialize_devices();

// "cpu,cuda:0"
std::string device_names();

// Writes the keys of `capabilities().details` that tell of GPUs, or why there is none.
void describe_devices(JsonWriter& json);

// Makes a device ready for models. `memory_limit` in bytes binds all models of the process on it, until another load
// names one; 0 leaves it. Throws BackendError INF_DEVICE_UNAVAILABLE.
void prepare_device(const at::Device& device, int64_t memory_limit);

// Runs `body` on the device, on a stream of the calling thread, and waits until it is done. Throws as
// DeviceRunner::run.
void on_device(const at::Device& device, c10::function_ref<void()> body);

std::unique_ptr<DeviceRunner> make_runner(const at::Device& device, const DeviceUse& use);

// Gives memory of freed models back to other programs.
void trim_devices();

}  // namespace infernode::torch_backend
