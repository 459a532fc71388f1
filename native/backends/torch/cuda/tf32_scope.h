// The precision of float32 products, which libtorch keeps for the whole process.
#pragma once

namespace infernode::torch_backend {

// While one lives, calls that are handed to a GPU compute float32 products as it says; scopes that say otherwise wait.
// To be held while work is handed over, not while it runs. On any thread; not nested.
class Tf32Scope {
 public:
  explicit Tf32Scope(bool tf32);
  Tf32Scope(const Tf32Scope&) = delete;
  Tf32Scope& operator=(const Tf32Scope&) = delete;
  ~Tf32Scope();
};

}  // namespace infernode::torch_backend
