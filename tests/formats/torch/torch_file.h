// PyTorch checkpoints made by hand, so that tests may break them anywhere.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace pliant::torch_file {

inline std::string little(std::uint64_t value, std::size_t bytes) {
  std::string result(bytes, '\0');
  for (std::size_t i = 0; i < bytes && i < sizeof value; ++i)
    result[i] = static_cast<char>(value >> (8 * i));
  return result;
}

struct Entry {
  std::string name, data;
  std::uint64_t method = 0, flags = 0;
};

inline std::string wide_fields(const std::vector<std::uint64_t>& values) {
  std::string result = little(1, 2) + little(8 * values.size(), 2);
  for (const std::uint64_t each : values) result += little(each, 8);
  return result;
}

// `wide`: sizes and offsets in the 64-bit records.
inline std::string zip(const std::vector<Entry>& entries, bool wide = false,
                       const std::string& comment = "") {
  constexpr std::uint64_t in_extra = 0xffffffff;
  std::string file, directory;
  for (const Entry& each : entries) {
    const std::uint64_t size = each.data.size(), at = file.size();
    const std::string sizes =
        wide ? little(in_extra, 4) + little(in_extra, 4) : little(size, 4) + little(size, 4);
    const std::string extra = wide ? wide_fields({size, size, at}) : "";
    const std::string head = little(each.flags, 2) + little(each.method, 2) + little(0, 8) + sizes +
                             little(each.name.size(), 2);
    file += "PK\3\4" + little(20, 2) + head + little(0, 2) + each.name + each.data;
    directory += "PK\1\2" + little(0, 2) + little(20, 2) + head + little(extra.size(), 2) +
                 little(0, 2 + 2 + 2 + 4) + little(wide ? in_extra : at, 4) + each.name + extra;
  }
  const std::uint64_t at = file.size(), count = entries.size();
  file += directory;
  if (wide) {
    const std::uint64_t end = file.size();
    file += "PK\6\6" + little(44, 8) + little(0, 2 + 2 + 4 + 4) + little(count, 8) +
            little(count, 8) + little(directory.size(), 8) + little(at, 8);
    file += "PK\6\7" + little(0, 4) + little(end, 8) + little(1, 4);
  }
  return file + "PK\5\6" + little(0, 4) + little(wide ? 0xffff : count, 2) +
         little(wide ? 0xffff : count, 2) + little(wide ? in_extra : directory.size(), 4) +
         little(wide ? in_extra : at, 4) + little(comment.size(), 2) + comment;
}

// Parts of a pickle.
inline std::string text(const std::string& value) { return "X" + little(value.size(), 4) + value; }

inline std::string number(std::int64_t value) {
  return "\x8a\x08" + little(static_cast<std::uint64_t>(value), 8);
}

// a tuple
inline std::string numbers(const std::vector<std::int64_t>& values) {
  std::string result = "(";
  for (const std::int64_t each : values) result += number(each);
  return result + "t";
}

inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

inline std::string dictionary(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string result = "}(";
  for (const auto& [key, value] : entries) result += text(key) + value;
  return result + "u";
}

struct View {
  std::string storage = "FloatStorage", key = "0";
  std::int64_t elements = 0, offset = 0;
  std::vector<std::int64_t> shape, strides;
};
inline std::string tensor(const View& view) {
  const std::string storage = "(" + text("storage") + global("torch", view.storage) +
                              text(view.key) + text("cpu") + number(view.elements) + "tQ";
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + number(view.offset) +
         numbers(view.shape) + numbers(view.strides) + "\x89" +
         global("collections", "OrderedDict") + ")RtR";
}

// with what stands before and after it
inline std::string pickle(const std::string& value) { return "\x80\x02" + value + "."; }

// A checkpoint of f32 tensors, each with a storage of its own.
struct Floats {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};
inline std::string checkpoint(const std::vector<Floats>& tensors) {
  std::vector<std::pair<std::string, std::string>> described;
  std::vector<Entry> entries(1);
  for (const Floats& each : tensors) {
    const std::string key = std::to_string(described.size());
    std::vector<std::int64_t> strides(each.shape.size(), 1);
    for (std::size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * each.shape[i];
    const auto elements = static_cast<std::int64_t>(each.values.size());
    described.emplace_back(each.name,
                           tensor({"FloatStorage", key, elements, 0, each.shape, strides}));
    const auto bytes = std::as_bytes(std::span(each.values));
    const std::string data(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    entries.push_back({"archive/data/" + key, data});
  }
  entries[0] = {"archive/data.pkl", pickle(dictionary(described))};
  return zip(entries);
}

}  // namespace pliant::torch_file
