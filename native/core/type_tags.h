// Tags on every native handle that JavaScript holds: a handle of the wrong kind becomes a thrown error, not a wild
// pointer.
#pragma once

#include <napi.h>

namespace infernode {

inline constexpr napi_type_tag kBackendTag{0x8d1f2b6c4a5e4f01, 0x9b7a3c5d1e2f4a01};
inline constexpr napi_type_tag kSessionTag{0x8d1f2b6c4a5e4f02, 0x9b7a3c5d1e2f4a02};

}  // namespace infernode
