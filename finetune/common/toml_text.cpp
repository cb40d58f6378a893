#include "finetune/common/toml_text.h"

#include "finetune/common/text.h"

namespace thaw {

std::string toml_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr const char* kHex = "0123456789abcdef";
      out += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string toml_number(double value) {
  const std::string text = exact_number(value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

}  // namespace thaw
