#include "cuda/device_errors.h"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <exception>
#include <string>

#include "error.h"

namespace infernode::torch_backend {
namespace {

// After these, CUDA answers every call of the process with the same error.
bool is_final(cudaError_t error) {
  switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
      return true;
    default:
      return false;
  }
}

void free_cached_memory() noexcept {
  try {
    c10::cuda::CUDACachingAllocator::emptyCache();
  } catch (...) {
    // The error that is being handled says more.
  }
}

}  // namespace

void recover_and_rethrow(const c10::Device& device) {
  const auto error = cudaStreamSynchronize(c10::cuda::getCurrentCUDAStream(device.index()).stream());
  static_cast<void>(cudaGetLastError());  // else the next check that libtorch makes would find it
  if (is_final(error)) {
    throw BackendError(INF_DEVICE_FAILED, device.str() + " failed: " + cudaGetErrorString(error) +
                                              ". CUDA refuses every later call of this process: start it again. An "
                                              "index out of range in an input is the most common cause");
  }
  try {
    throw;
  } catch (const std::exception& exception) {
    if (is_out_of_memory(exception.what())) free_cached_memory();
    throw;
  }
}

}  // namespace infernode::torch_backend
