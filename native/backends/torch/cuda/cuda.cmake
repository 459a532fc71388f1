# The part of the torch backend that needs CUDA. It has no kernels of its own, so a C++ compiler is enough: of CUDA, the
# headers and libcudart are used, and no more of libtorch than c10_cuda and torch_cuda.
foreach(found INFERNODE_CUDA_INCLUDE INFERNODE_CUDART)
  # What an earlier configuration found may be gone.
  if(${found} AND NOT EXISTS "${${found}}")
    unset(${found} CACHE)
  endif()
endforeach()
find_path(INFERNODE_CUDA_INCLUDE cuda_runtime_api.h NO_DEFAULT_PATH PATHS
  "${INFERNODE_CUDA_HOME}/include"
  "${INFERNODE_LIBTORCH}/../nvidia/cu13/include"
  "${INFERNODE_LIBTORCH}/../nvidia/cuda_runtime/include"
  "$ENV{CUDA_HOME}/include"
  /usr/local/cuda/include)
find_file(INFERNODE_CUDART NAMES libcudart.so libcudart.so.13 libcudart.so.12 NO_DEFAULT_PATH PATHS
  "${INFERNODE_CUDA_HOME}/lib64"
  "${INFERNODE_CUDA_HOME}/lib"
  "${INFERNODE_LIBTORCH}/../nvidia/cu13/lib"
  "${INFERNODE_LIBTORCH}/../nvidia/cuda_runtime/lib"
  "$ENV{CUDA_HOME}/lib64"
  /usr/local/cuda/lib64)

if(INFERNODE_CUDA_INCLUDE AND INFERNODE_CUDART)
  message(STATUS "CUDA: ${INFERNODE_CUDA_INCLUDE}, ${INFERNODE_CUDART}")
  target_sources(infernode_torch PRIVATE
    cuda/call_signature.cc
    cuda/cuda_runner.cc
    cuda/device_errors.cc
    cuda/devices.cc
    cuda/recorded_call.cc
    cuda/stream_context.cc
    cuda/tf32_scope.cc
    cuda/transfer.cc)
  target_include_directories(infernode_torch PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  target_include_directories(infernode_torch SYSTEM PRIVATE "${INFERNODE_CUDA_INCLUDE}")
  target_link_libraries(infernode_torch PRIVATE
    "${INFERNODE_LIBTORCH}/lib/libtorch_cuda.so"
    "${INFERNODE_LIBTORCH}/lib/libc10_cuda.so"
    "${INFERNODE_CUDART}")
elseif(INFERNODE_CUDA STREQUAL "ON")
  message(FATAL_ERROR "CUDA was not found, which this libtorch was built with: name a folder that has include/cuda_runtime_api.h and libcudart in lib/ or lib64/ by --cuda DIR or CUDA_HOME; infernode build --no-cuda builds for the CPU alone")
else()
  message(STATUS "CUDA was not found: the torch backend is for the CPU alone")
  target_sources(infernode_torch PRIVATE cpu_devices.cc)
endif()
