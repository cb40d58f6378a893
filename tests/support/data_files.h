// What the tests of data readers share: files in a folder of their own, and what a refusal must look like.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/data/readers/readers.h"
#include "tests/support/files.h"

namespace thaw::test {

using Strings = std::vector<std::string>;

// A folder of its own for each test, removed at its end.
class DataFiles : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& content) const {
    return folder_.write(name, content);
  }

  Dataset read(const std::string& name, const std::string& content, DataSource source = {}) const {
    source.path = write(name, content);
    return read_dataset(source);
  }

  // The message that reading ends in; it must be a single line that has every fragment.
  void expect_refused(const std::string& name, const std::string& content, const Strings& fragments,
                      DataSource source = {}) const {
    source.path = write(name, content);
    expect_refused(source, fragments);
  }

  static void expect_refused(const DataSource& source, const Strings& fragments) {
    try {
      read_dataset(source);
      ADD_FAILURE() << source.path << " was read; expected: " << fragments.front();
    } catch (const InputError& error) {
      const std::string message = error.what();
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      for (const std::string& fragment : fragments) {
        EXPECT_NE(message.find(fragment), std::string::npos) << fragment << " not in: " << message;
      }
    }
  }

  TemporaryFolder folder_;
};

inline DataSource labelled(const std::string& label) {
  DataSource source;
  source.label = label;
  return source;
}

inline DataSource with_classes(const Strings& classes, bool drop = false, bool require = false) {
  DataSource source;
  source.classes = classes;
  source.drop_other_classes = drop;
  source.require_every_class = require;
  return source;
}

inline DataSource unlabelled(const Strings& columns = {}) {
  DataSource source;
  source.targets = Targets::none;
  source.columns = columns;
  return source;
}

}  // namespace thaw::test
