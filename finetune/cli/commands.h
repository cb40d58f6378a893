// The commands of the program: each does its work, prints its result, and returns the exit code.
#pragma once

#include <string>

#include "finetune/cli/arguments.h"
#include "finetune/common/stop.h"
#include "finetune/config/config.h"

namespace thaw::cli {

// Of the process: a signal asks for it, see main.cpp. train and compare save what they have and end.
inline StopToken stop_token;

int train(const Arguments& arguments);
int compare(const Arguments& arguments);
int eval(const Arguments& arguments);
int predict(const Arguments& arguments);
int embed(const Arguments& arguments);
int lr_find(const Arguments& arguments);
int bench(const Arguments& arguments);
int plan(const Arguments& arguments);
int graph(const Arguments& arguments);
int export_recipe(const Arguments& arguments);
int merge(const Arguments& arguments);
int inspect(const Arguments& arguments);
int cache(const Arguments& arguments);
int list_strategies(const Arguments& arguments);

// `thaw COMMAND CONFIG` with what the arguments override and allow, to be pasted into a shell. The strategy
// of --strategy is not in it.
std::string command_line(const std::string& command, const Arguments& arguments);

// Every strategy with its options, for people.
std::string strategies_text();

// InputError naming the option for a strategy that there is not.
void check_strategy(const std::string& name, const char* option);

// The config that the arguments name, with their overrides and, where given, another strategy. Says its
// notes.
Config read_config(const Arguments& arguments);

}  // namespace thaw::cli
