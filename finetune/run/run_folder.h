// The run folder: what a run leaves on disk. Held by a lock while it lives.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "finetune/train/run_sink.h"
#include "nn/io/files.h"

namespace thaw {

// A folder with what `fill` writes into the one that it is given, all of it or none: that stands beside
// `path` and takes its name at the end. InputError where it cannot be made, and where `path` is not empty.
void write_folder(const std::string& path, const std::function<void(const std::string& folder)>& fill);

// Removes a folder with everything in it. It takes another name first, so that a kill in between leaves
// nothing under its own that is less than it was; what earlier kills left under the other name goes too.
void remove_folder(const std::string& path);

// What an earlier session of a comparison left in the folder of a run.
enum class EarlierRun { none, goes_on, ended };
// Removes the folder unless a run can go on in it, and what a kill left of one that was being removed.
EarlierRun clear_unless_it_goes_on(const std::string& path);

class RunFolder : public RunSink {
 public:
  enum class Content { run, comparison, study };

  // Makes the folder and takes its lock, which it holds while it lives. A folder that is not empty is refused
  // unless `resume`, and then too where it holds anything but `content`: what stands there is another's.
  RunFolder(const std::string& path, bool resume, Content content = Content::run);

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string checkpoints() const override { return file("checkpoints"); }
  bool was_empty() const { return was_empty_; }  // or missing, before this one was made
  bool finished() const;                         // run.json says that the run came to its end

  void append_metrics(const std::string& json_line) override;
  std::int64_t metrics_bytes() const override { return metrics_bytes_; }
  bool truncate_metrics(std::int64_t bytes) override;

 private:
  void open_metrics();
  void check_content(Content content) const;

  std::string path_;
  bool was_empty_ = false;
  std::unique_ptr<FileLock> lock_;
  FileDescriptor metrics_;
  std::int64_t metrics_bytes_ = 0;
};

// InputError naming the first line in which the text of a config, `now`, differs from what `file` held,
// `then`.
void check_same_config(const std::string& then, const std::string& now, const std::string& file);
// The same for a comparison: the strategies may differ, seeds be added, and the folders in which files and models stand,
// whose contents its journal knows.
void check_same_comparison(const std::string& then, const std::string& now, const std::string& file);
// What the file holds, if it is there.
void check_same_comparison(const std::string& now, const std::string& file);

// For the user who asked to go on with what is not there.
std::string nothing_to_resume(const std::string& folder);

// runs/<name>-<first free number>, relative to the working directory.
std::string default_run_path(const std::string& name);

}  // namespace thaw
