// Any bytes as parameters: as they are, and as the contents of an envelope with the right hashes,
// without which nothing would get past the authentication.
#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "core/error.h"
#include "machine/encrypted/ckks/file.h"

namespace {

using namespace pliant::ckks;

void read(std::span<const std::byte> bytes) {
  try {
    parse_params(bytes);
  } catch (const pliant::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read(std::as_bytes(std::span(data, size)));
  Writer out;
  out.begin(EnvelopeKind::parameters, Hash{});
  out.put(std::span(data, size));
  read(out.seal({}));
  return 0;
}
