// A backend library, opened once per process and never closed: frameworks leave threads and thread-locals behind.
#pragma once

#include <string>
#include <vector>

#include "infernode/backend.h"

namespace infernode {

// Opens `path` after the framework libraries `prerequisites`, in that order and visible to what is opened later. A
// second call with the same path returns the same table. Thread-safe. Throws std::runtime_error with the loader's own
// reason.
const inf_backend_api& open_backend(const std::string& path, const std::vector<std::string>& prerequisites);

}  // namespace infernode
