// Turns C++ exceptions into the errors of the C boundary.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "infernode/backend.h"

namespace infernode::torch_backend {

// A failure whose status the thrower knows. Anything else that is thrown gets the status that the caller names.
class BackendError : public std::runtime_error {
 public:
  BackendError(inf_status status, const std::string& message) : std::runtime_error(message), status_(status) {}
  inf_status status() const { return status_; }

 private:
  inf_status status_;
};

// Call inside a catch block: describes the exception in flight. The caller frees the result with `free_error`.
inf_error* current_error(inf_status fallback) noexcept;

void free_error(inf_error* error) noexcept;

// Whether a framework's message is about memory, of the machine or of a device.
bool is_out_of_memory(std::string_view what);

// Runs `body`; returns nullptr, or what it threw.
template <typename Body>
inf_error* guarded(inf_status fallback, Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
    return nullptr;
  } catch (...) {
    return current_error(fallback);
  }
}

}  // namespace infernode::torch_backend
