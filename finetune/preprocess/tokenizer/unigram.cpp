#include "finetune/preprocess/tokenizer/unigram.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/utf8.h"

namespace thaw {
namespace {

constexpr double kUnknownPenalty = 10.0;

// Bounds the work at each place of a text. SentencePiece's tokens have at most 16 characters by default; runs
// of blanks and of dashes that were added by hand are longer.
constexpr std::size_t kMostTokenBytes = 1024;

void check_lengths(const Vocabulary& vocabulary) {
  for (const auto& [token, id] : vocabulary.ids())
    if (token.size() > kMostTokenBytes)
      fail_input("token ", id, " has ", token.size(), " bytes, where a Unigram model's may have ",
                 kMostTokenBytes, " (", vocabulary.place(), "); use a tokenizer without such tokens");
}

}  // namespace

Unigram::Unigram(const Vocabulary& vocabulary, std::vector<double> scores, const Options& options)
    : scores_(std::move(scores)), unknown_(options.unk_id) {
  const auto size = static_cast<std::int64_t>(scores_.size());
  if (unknown_ < 0 || unknown_ >= size)
    fail_input("the unk_id ", unknown_, " is none of the vocabulary's ", size, " tokens (",
               vocabulary.place(), "); make the folder again");
  for (std::size_t id = 0; id < scores_.size(); ++id)
    if (!std::isfinite(scores_[id]))
      fail_input("the score of token ", id, " is ", scores_[id], " (", vocabulary.place(),
                 "); make the folder again");
  check_lengths(vocabulary);
  unknown_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnknownPenalty;
  tokens_ = Trie({vocabulary.ids().begin(), vocabulary.ids().end()});
  byte_fallback_ = options.byte_fallback;
  byte_ids_ = vocabulary.byte_tokens();
}

void Unigram::append_ids(std::string_view piece, std::vector<std::int64_t>& ids) const {
  // Kept between calls, for a piece is short and there are many.
  thread_local std::vector<Best> best;
  thread_local std::vector<std::string_view> parts;  // the last one first
  find_best(piece, best);
  parts.clear();
  bool after_unknown = false;
  for (std::size_t end = piece.size(); end > 0; end = best[end].begin) {
    const std::size_t begin = best[end].begin;
    const bool is_unknown = best[end].id == unknown_;
    if (is_unknown && after_unknown)  // such parts side by side are one
      parts.back() = {piece.data() + begin, parts.back().size() + end - begin};
    else
      parts.push_back(piece.substr(begin, end - begin));
    after_unknown = is_unknown;
  }
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) append_part(*part, ids);
}

// Viterbi's algorithm. Of equal ways the one that is found first counts, as in `tokenizers`.
void Unigram::find_best(std::string_view piece, std::vector<Best>& best) const {
  best.assign(piece.size() + 1, {});
  for (std::size_t begin = 0; begin < piece.size();) {
    const double so_far = best[begin].score;
    const auto offer = [&](std::size_t size, std::int64_t id, double score) {
      Best& other = best[begin + size];
      if (other.id < 0 || so_far + score > other.score) other = {so_far + score, begin, id};
    };
    const std::size_t character = utf8_sequence(piece.substr(begin));
    bool has_character = false;
    tokens_.for_each_prefix(piece.substr(begin), [&](std::size_t size, std::int64_t id) {
      offer(size, id, scores_[static_cast<std::size_t>(id)]);
      has_character |= size == character;
    });
    if (!has_character) offer(character, unknown_, unknown_score_);
    begin += character;
  }
}

void Unigram::append_part(std::string_view part, std::vector<std::int64_t>& ids) const {
  const std::int64_t id = tokens_.find(part);
  const auto has_token = [&](char c) { return byte_ids_[static_cast<unsigned char>(c)] >= 0; };
  if (id < 0 && byte_fallback_ && std::all_of(part.begin(), part.end(), has_token)) {
    for (const char c : part) ids.push_back(byte_ids_[static_cast<unsigned char>(c)]);
    return;
  }
  ids.push_back(id < 0 ? unknown_ : id);
}

}  // namespace thaw
