// Any bytes as a ciphertext: as they are, and as the contents of an envelope with the right hashes,
// without which nothing would get past the authentication.
#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "ckks_context.h"
#include "core/error.h"
#include "machine/encrypted/ckks/file.h"

namespace {

using namespace pliant::ckks;

void read(std::span<const std::byte> bytes) {
  try {
    const Ciphertext c = parse_ciphertext(small_context(), bytes);
    const std::vector<std::byte> again = serialize(c);
    if (again.size() != bytes.size() || !std::equal(again.begin(), again.end(), bytes.begin()))
      std::abort();
  } catch (const pliant::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read(std::as_bytes(std::span(data, size)));
  Writer out;
  out.begin(EnvelopeKind::ciphertext, small_context().hash());
  out.put(std::span(data, size));
  read(out.seal({}));
  return 0;
}
