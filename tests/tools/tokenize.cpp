// Tokens of many texts at once, for golden/check_tokenizers.py and bench/peers/tokenizer_speed.py.
// Usage: tokenize FOLDER [REPEATS]
//   Standard input: for each text its length in bytes, the length of the text that it is paired with or -1,
//   the maximal length or 0, as little-endian int32, then the bytes of both. Standard output: for each text
//   the number of ids, the ids, their type ids, as little-endian int32. With REPEATS the seconds that each of
//   so many rounds over all texts took instead, one a line.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/preprocess/tokenizer/tokenizer.h"

namespace {

struct Request {
  std::string_view first, second;
  bool is_pair;
  std::int32_t max_length;
};

std::string read_input() {
  std::string input;
  std::vector<char> block(1 << 20);
  while (const std::size_t size = std::fread(block.data(), 1, block.size(), stdin))
    input.append(block.data(), size);
  return input;
}

std::vector<Request> parse(std::string_view input) {
  std::vector<Request> requests;
  while (!input.empty()) {
    std::int32_t head[3];
    std::memcpy(head, input.data(), sizeof head);
    input.remove_prefix(sizeof head);
    Request& request = requests.emplace_back();
    request.first = input.substr(0, static_cast<std::size_t>(head[0]));
    input.remove_prefix(request.first.size());
    request.is_pair = head[1] >= 0;
    if (request.is_pair) request.second = input.substr(0, static_cast<std::size_t>(head[1]));
    input.remove_prefix(request.second.size());
    request.max_length = head[2];
  }
  return requests;
}

thaw::Encoding encode(const thaw::Tokenizer& tokenizer, const Request& request) {
  return request.is_pair ? tokenizer.encode_pair(request.first, request.second, request.max_length)
                         : tokenizer.encode(request.first, request.max_length);
}

void write_ids(const thaw::Tokenizer& tokenizer, const std::vector<Request>& requests) {
  std::vector<std::int32_t> output;
  const auto append = [&](const std::vector<std::int64_t>& values) {
    for (const std::int64_t value : values) output.push_back(static_cast<std::int32_t>(value));
  };
  for (const Request& request : requests) {
    const thaw::Encoding encoding = encode(tokenizer, request);
    output.push_back(static_cast<std::int32_t>(encoding.ids.size()));
    append(encoding.ids);
    append(encoding.type_ids);
  }
  std::fwrite(output.data(), sizeof output[0], output.size(), stdout);
}

void write_seconds(const thaw::Tokenizer& tokenizer, const std::vector<Request>& requests, int repeats) {
  for (int round = 0; round < repeats; ++round) {
    std::size_t ids = 0;
    const auto start = std::chrono::steady_clock::now();
    for (const Request& request : requests) ids += encode(tokenizer, request).ids.size();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%.6f %zu\n", seconds.count(), ids);
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count < 2) throw std::runtime_error("usage: tokenize FOLDER [REPEATS]");
    const auto tokenizer = thaw::load_tokenizer(arguments[1]);
    const std::string input = read_input();
    const std::vector<Request> requests = parse(input);
    if (count > 2)
      write_seconds(*tokenizer, requests, std::atoi(arguments[2]));
    else
      write_ids(*tokenizer, requests);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tokenize: error: %s\n", error.what());
    return 2;
  }
}
