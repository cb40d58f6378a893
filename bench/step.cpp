// Times whole training steps (forward, backward, optimizer) of one model under one freezing strategy and
// prints a line of JSON. With --serve it runs blocks of steps on request instead (timing.h); with --export it
// only writes the initial weights and the batches, so that a peer trains on the same.
#include <CLI/CLI.hpp>
#include <iostream>

#include "bench/timing.h"
#include "bench/training.h"
#include "core/error.h"

namespace thaw::bench {
namespace {

constexpr int kCurve = 20;  // steps whose losses are printed; they warm up too

struct Request {
  std::string name = "mlp";
  std::string strategy = "full";
  int threads = 1;
  int steps = 50;
  bool serve = false;
  std::string export_path;
};

void print_timing(const Request& request) {
  Training training(find_training_case(request.name), request.strategy);
  const Block warm_up = run_block(kCurve, [&] { return training.step(); });
  const Block timed = run_block(request.steps, [&] { return training.step(); });
  std::cout << nlohmann::ordered_json{{"case", request.name},
                                      {"strategy", request.strategy},
                                      {"threads", request.threads},
                                      {"steps", request.steps},
                                      {"ms_median", median(timed.ms)},
                                      {"ms_min", *std::min_element(timed.ms.begin(), timed.ms.end())},
                                      {"peak_bytes", training.peak_bytes()},
                                      {"loss", warm_up.loss}}
            << '\n';
}

void run(const Request& request) {
  set_num_threads(request.threads);
  if (!request.export_path.empty()) {
    save_safetensors(request.export_path,
                     Training(find_training_case(request.name), request.strategy).state());
  } else if (request.serve) {
    Training training(find_training_case(request.name), request.strategy);
    serve([&] { return training.step(); }, [&] { return training.peak_bytes(); });
  } else {
    print_timing(request);
  }
}

}  // namespace
}  // namespace thaw::bench

int main(int argc, char** argv) {
  thaw::bench::Request request;
  CLI::App app("Times whole training steps; prints a line of JSON.");
  app.add_option("--case", request.name, "mlp, mlp-small, cnn, cnn-small");
  app.add_option("--strategy", request.strategy, "as in `thaw strategies`: full, head, top-1, ...");
  app.add_option("--threads", request.threads)->check(CLI::PositiveNumber);
  app.add_option("--steps", request.steps, "timed steps, after the warm-up")->check(CLI::PositiveNumber);
  app.add_flag("--serve", request.serve, "run blocks of steps as standard input asks");
  app.add_option("--export", request.export_path,
                 "write weights and batches to this .safetensors file, time nothing");
  CLI11_PARSE(app, argc, argv);
  try {
    thaw::bench::run(request);
  } catch (const thaw::Error& error) {
    std::cerr << "bench_step: error: " << error.what() << '\n';
    return 2;
  }
}
