// Images in folders, one for each class.
#pragma once

#include <string>
#include <vector>

#include "data/images/image_set.h"

namespace pliant::data {

// What a file that is no image means: an error when it is read, or that it is left out, for which
// each is decoded once beforehand.
enum class Broken : std::uint8_t { refuse, leave_out };

// root/CLASS/FILE: JPEG, PNG, WebP. Classes and, in them, files are in the order of their names'
// bytes; what begins with a dot is passed over.
class ImageFolder : public ImageSet {
 public:
  // Throws Error{not_found} for a root that is no folder or holds none, Error{invalid} for a file
  // beside the folders of classes, a folder in one, or one without images; Error{io}.
  explicit ImageFolder(const std::string& root, Broken broken = Broken::refuse);
  std::int64_t size() const override { return std::ssize(files_); }
  const std::vector<std::string>& classes() const override { return classes_; }
  LabelledImage at(std::int64_t index) const override;

  const std::vector<std::string>& left_out() const { return left_out_; }  // what each error says

 private:
  struct File {
    std::string path;
    std::int64_t label;
  };
  void add_class(const std::string& folder, Broken broken);

  std::vector<std::string> classes_, left_out_;
  std::vector<File> files_;
};

}  // namespace pliant::data
