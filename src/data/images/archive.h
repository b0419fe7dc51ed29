// Images in one file, tar or zip, in folders of classes.
#pragma once

#include <string>
#include <vector>

#include "data/images/folder.h"

namespace pliant::data {

// [FOLDER/...]CLASS/FILE, compressed or not; what is unpacked gives the same set as ImageFolder of
// it. The files' bytes are held in memory as they are, decoded when asked for.
class ImageArchive : public ImageSet {
 public:
  // Throws Error{not_found}, Error{io}, Error{format} for a file that is no archive or damaged,
  // Error{invalid} naming a member that stands beside the folders of classes, deeper or twice, and
  // for an archive without images, Error{capacity} beyond 16 GB of members.
  explicit ImageArchive(const std::string& path, Broken broken = Broken::refuse);
  std::int64_t size() const override { return std::ssize(files_); }
  const std::vector<std::string>& classes() const override { return classes_; }
  LabelledImage at(std::int64_t index) const override;

  const std::vector<std::string>& left_out() const { return left_out_; }  // what each error says

 private:
  struct File {
    std::string place, bytes;
    std::int64_t label;
  };

  std::vector<std::string> classes_, left_out_;
  std::vector<File> files_;
};

}  // namespace pliant::data
