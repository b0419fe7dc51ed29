// Packs files as corpora come: an archive or a bare stream, compressed.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pliant::data {

using Member = std::pair<std::string, std::string>;  // name, content

// `compression`: "gzip", "zstd", "xz", "bzip2" or "none"; `bare`: the content of the one member
// alone.
inline std::string packed(const std::vector<Member>& members, const std::string& compression,
                          bool bare = false) {
  std::size_t most = 1 << 16, used = 0;
  for (const auto& [name, content] : members) most += content.size() + 4096;
  std::string bytes(most, '\0');
  archive* out = archive_write_new();
  bare ? archive_write_set_format_raw(out) : archive_write_set_format_pax_restricted(out);
  if (compression != "none") {
    EXPECT_EQ(archive_write_add_filter_by_name(out, compression.c_str()), ARCHIVE_OK);
  }
  archive_write_set_bytes_in_last_block(out, 1);
  archive_write_open_memory(out, bytes.data(), bytes.size(), &used);
  for (const auto& [name, content] : members) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    EXPECT_EQ(archive_write_header(out, entry), ARCHIVE_OK);
    archive_write_data(out, content.data(), content.size());
    archive_entry_free(entry);
  }
  EXPECT_EQ(archive_write_close(out), ARCHIVE_OK);
  archive_write_free(out);
  return bytes.substr(0, used);
}

inline std::string compressed(const std::string& text, const std::string& compression) {
  return packed({{"data", text}}, compression, true);
}

}  // namespace pliant::data
