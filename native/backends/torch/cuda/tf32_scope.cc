#include "cuda/tf32_scope.h"

#include <ATen/Context.h>

#include <condition_variable>
#include <mutex>

namespace infernode::torch_backend {
namespace {

struct Setting {
  std::mutex mutex;
  std::condition_variable free;
  bool tf32 = false;
  bool is_set = false;
  int holders = 0;
};

Setting& setting() {
  static Setting instance;
  return instance;
}

}  // namespace

Tf32Scope::Tf32Scope(bool tf32) {
  auto& all = setting();
  std::unique_lock lock(all.mutex);
  all.free.wait(lock, [&] { return all.holders == 0 || all.tf32 == tf32; });
  if (!all.is_set || all.tf32 != tf32) {
    at::globalContext().setAllowTF32CuBLAS(tf32);
    at::globalContext().setAllowTF32CuDNN(tf32);
    all.tf32 = tf32;
    all.is_set = true;
  }
  ++all.holders;
}

Tf32Scope::~Tf32Scope() {
  auto& all = setting();
  const std::lock_guard lock(all.mutex);
  if (--all.holders == 0) all.free.notify_all();
}

}  // namespace infernode::torch_backend
