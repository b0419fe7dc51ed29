// Quantities as people write them: bytes with binary units, durations, counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pliant {

struct Bytes {  // option values of these two types accept the units below
  std::int64_t count = 0;
  bool operator==(const Bytes&) const = default;
};
struct Seconds {
  double count = 0;
  bool operator==(const Seconds&) const = default;
};

// "4096", "512KiB", "1.5MiB", "2GiB", "64kB" (decimal); whole bytes only. Throws Error{usage}
// naming `place`.
Bytes bytes_from_text(std::string_view text, std::string_view place);
// "519", "100M", "1.5G": decimal units k, M, G and T; whole counts only. Throws Error{usage} naming
// `place`.
std::int64_t count_from_text(std::string_view text, std::string_view place);
// "30", "30s", "250ms", "2min", "1h"; >= 0. Throws Error{usage} naming `place`.
Seconds seconds_from_text(std::string_view text, std::string_view place);

std::string bytes_text(
    std::int64_t bytes);  // "512 KiB", "1.48 MiB", "37632 B" below 100 KiB unless whole
std::string seconds_text(double seconds);      // "0.31 ms", "4.2 s", "3 min 5 s"
std::string count_text(std::int64_t count);    // "519", "3.86 G"
std::string grouped_text(std::int64_t count);  // "1,605,632"

}  // namespace pliant
