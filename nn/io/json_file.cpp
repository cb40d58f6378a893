#include "nn/io/json_file.h"

#include <set>
#include <vector>

#include "nn/io/files.h"

namespace thaw {

nlohmann::json read_json(const std::string& path, std::int64_t max_bytes) {
  using Json = nlohmann::json;
  const std::string text = read_file(path, max_bytes);
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int depth, Json::parse_event_t event, const Json& value) {
    if (depth > 64) fail_input("nested deeper than 64");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
      fail_input("the key ", value.dump(), " stands twice in one object");
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const std::exception& error) {
    std::string why = error.what();  // "[json.exception.parse_error.101] parse error at line 1, .."
    if (why.starts_with("[json.")) why.erase(0, why.find("] ") + 2);
    fail_input("no JSON that thaw reads: ", why, " (", path, "); make the folder again");
  }
}

}  // namespace thaw
