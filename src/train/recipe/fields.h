// The fields of a recipe: one list that reading, writing and comparing go through.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "train/recipe/recipe.h"

namespace pliant {
class JsonNode;
}

namespace pliant::train {

// What is done with each field; one object for each pass over a recipe. Fields between begin() and
// end() are those of an object; objects lie in the recipe itself.
class Fields {
 public:
  virtual ~Fields() = default;
  virtual void begin(const char* object) = 0;
  virtual void end() = 0;
  virtual void whole(const char* name, std::int64_t& value, std::int64_t low,
                     std::int64_t high) = 0;
  virtual void real(const char* name, double& value, double low, double high) = 0;
  virtual void truth(const char* name, bool& value) = 0;
  virtual void text(const char* name, std::string& value) = 0;
  virtual void path(const char* name, std::string& value) = 0;  // below the recipe's folder
  virtual void word(const char* name, int& value, std::span<const char* const> words) = 0;
  virtual void texts(const char* name, std::vector<std::string>& value) = 0;
  virtual void reals(const char* name, std::vector<double>& value) = 0;
  // A form of its own: `read` of the node, whose paths are below `folder`; `written` gives JSON.
  using Read = std::function<void(const JsonNode& node, std::string_view folder)>;
  virtual void own(const char* name, const Read& read,
                   const std::function<std::string()>& written) = 0;
  // From here on, what may change between a run and its continuation.
  virtual void free_from_here() {}
};

template <typename E>
void word(Fields& f, const char* name, E& value, std::span<const char* const> words) {
  int number = static_cast<int>(value);
  f.word(name, number, words);
  value = static_cast<E>(number);
}

inline constexpr std::int64_t most_steps = std::int64_t{1} << 40;

void seed(Fields& f, const char* name, std::uint64_t& value);

// What recipes of every kind have.
void schedule_fields(Fields& f, ScheduleRecipe& schedule);
void machine_fields(Fields& f, MachineRecipe& machine);

// `path` below `folder`, unless one of them is empty or `path` absolute.
std::string below(std::string_view folder, const std::string& path);

using FieldList = std::function<void(Fields&)>;

// Sets the fields that `text` has, then calls `check` with the root. Throws Error{format} naming
// the field, what is wrong and what is allowed.
void read_fields(std::string_view text, std::string_view place, std::string_view folder,
                 const FieldList& list, const std::function<void(const JsonNode& root)>& check);
std::string written_fields(const FieldList& list);  // JSON
// The first field before free_from_here() in which two lists differ ("optimizer.rate: 0.003,
// 0.001").
std::optional<std::string> difference(const FieldList& saved, const FieldList& given);

}  // namespace pliant::train
