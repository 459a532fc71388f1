#include "error.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <new>

namespace infernode::torch_backend {
namespace {

// The struct that crosses the boundary, together with the text that it points to.
struct OwnedError : inf_error {
  std::string message_text;
  std::string trace_text;
};

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// TorchScript puts the line that matters last, after a traceback: "RuntimeError: mat1 and mat2 ...".
std::string headline(const std::string& what) {
  std::string line;
  const auto error = what.rfind("Error: ");
  if (contains(what, "Traceback of TorchScript") && error != std::string::npos) {
    const auto start = what.rfind('\n', error);
    line = what.substr(start == std::string::npos ? 0 : start + 1);
  } else {
    const auto start = what.find_first_not_of(" \n");  // some messages begin with an empty line
    line = start == std::string::npos ? what : what.substr(start);
  }
  const auto end = line.find('\n');
  if (end != std::string::npos) line.resize(end);
  constexpr size_t kLongest = 500;
  if (line.size() > kLongest) line = line.substr(0, kLongest) + "...";
  return line;
}

inf_error* make_error(inf_status status, const std::string& what) noexcept {
  try {
    auto error = std::make_unique<OwnedError>();
    error->status = is_out_of_memory(what) ? INF_OUT_OF_MEMORY : status;
    error->message_text = headline(what);
    error->trace_text = what;
    error->message = error->message_text.c_str();
    error->trace = error->trace_text.c_str();
    return error.release();
  } catch (...) {
    static inf_error out_of_memory{INF_OUT_OF_MEMORY, "Out of memory", ""};
    return &out_of_memory;
  }
}

}  // namespace

bool is_out_of_memory(std::string_view what) {
  // Libraries of CUDA allocate beside libtorch, and have words of their own for it.
  constexpr const char* kSigns[] = {
      "can't allocate memory",     "not enough memory",          "CUDA out of memory",       "std::bad_alloc",
      "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"};
  return std::any_of(std::begin(kSigns), std::end(kSigns),
                     [&](const char* sign) { return what.find(sign) != std::string_view::npos; });
}

inf_error* current_error(inf_status fallback) noexcept {
  try {
    throw;
  } catch (const BackendError& error) {
    return make_error(error.status(), error.what());
  } catch (const c10::OutOfMemoryError& error) {
    return make_error(INF_OUT_OF_MEMORY, error.what_without_backtrace());
  } catch (const c10::Error& error) {
    return make_error(fallback, error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return make_error(INF_OUT_OF_MEMORY, "Out of memory");
  } catch (const std::exception& error) {
    return make_error(fallback, error.what());
  } catch (...) {
    return make_error(INF_INTERNAL, "The backend threw something that is no exception");
  }
}

void free_error(inf_error* error) noexcept {
  // The static error of make_error has no owner; only it carries this exact pair.
  if (error == nullptr || (error->status == INF_OUT_OF_MEMORY && error->trace[0] == '\0')) return;
  std::unique_ptr<OwnedError> owned(static_cast<OwnedError*>(error));
}

}  // namespace infernode::torch_backend
