// The program: finds the command, runs it, and turns what goes wrong into one line and an exit code.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <new>

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/cli/saved_model.h"
#include "finetune/train/trainer.h"
#include "kernels/kernels.h"

namespace thaw::cli {
namespace {

enum ExitCode { kDone = 0, kFailed = 1, kWrongInput = 2 };

int report(const std::string& message, ExitCode code) {
  std::fprintf(stderr, "thaw: error: %s\n", one_line(message).c_str());
  return code;
}

void check_cpu() {
#if defined(__x86_64__) && defined(__AVX2__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi2"))
    fail("this CPU lacks AVX2, FMA or BMI2 (thaw was built for x86-64-v3); build it with -DTHAW_PORTABLE=ON");
#endif
}

// The first signal asks the trainer to save and stop, the second ends the process at once.
void on_stop_signal(int signal) {
  if (stop_token.requested()) _exit(128 + signal);
  stop_token.request(signal);
}

// For the commands that train: the others have nothing to save, and end at the first signal.
void handle_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void ignore_write_signals() {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a failed write, not the end
  std::signal(SIGXFSZ, SIG_IGN);  // and so is a file at the limit of its size
}

// Without this, a file that is opened could get the number of a stream that the caller closed. A result that
// goes to a closed one is not written, which is an error.
void open_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) < 0)
      _exit(kFailed);
}

int show_help(const Arguments& arguments) {
  print(help_text(arguments.topic));
  return kDone;
}

int show_version(const Arguments&) {
  print("thaw " THAW_VERSION "\n");
  return kDone;
}

int run(int argc, const char* const* argv) {
  static const std::map<std::string, int (*)(const Arguments&)> commands = {{"train", train},
                                                                            {"compare", compare},
                                                                            {"eval", eval},
                                                                            {"predict", predict},
                                                                            {"embed", embed},
                                                                            {"lr-find", lr_find},
                                                                            {"bench", bench},
                                                                            {"plan", plan},
                                                                            {"graph", graph},
                                                                            {"merge", merge},
                                                                            {"export", export_recipe},
                                                                            {"inspect", inspect},
                                                                            {"cache", cache},
                                                                            {"help", show_help},
                                                                            {"strategies", list_strategies},
                                                                            {"version", show_version}};
  Arguments arguments = parse_arguments(argc, argv);
  if (arguments.command == "train" || arguments.command == "compare") handle_stop_signals();
  set_num_threads(arguments.threads);
  if (!arguments.set.empty() && arguments.config.empty())
    Progress().message("--set has no effect: thaw " + arguments.command + " reads no config");
  if (arguments.command == "eval" || arguments.command == "predict" || arguments.command == "embed")
    arguments.model = folder_to_use(arguments.model, arguments.strategy);
  return commands.at(arguments.command)(arguments);
}

}  // namespace
}  // namespace thaw::cli

int main(int argc, char** argv) {
  using namespace thaw::cli;
  open_standard_streams();
  ignore_write_signals();
  try {
    check_cpu();
    return run(argc, argv);
  } catch (const thaw::InputError& error) {
    return report(error.what(), kWrongInput);
  } catch (const std::bad_alloc&) {
    return report("out of memory; use a smaller batch_size, a smaller model, or less data", kFailed);
  } catch (const std::filesystem::filesystem_error& error) {
    const std::string path = error.path1().string();
    return report(path.empty() ? error.what() : error.code().message() + " (" + path + "); look at that path",
                  kWrongInput);
  } catch (const std::exception& error) {
    return report(error.what(), kFailed);
  }
}
