// The pieces of an exported script: each is a file in pieces/ that stands by itself as Python, reads constants which
// recipe.cpp writes above it, and is one concept. embed.cmake makes the definitions of them.
#pragma once

namespace thaw::pieces {

// ---- the plan
const char* phase_py();
const char* freezing_py();

// ---- the data: read_rows(), read_data(), batch_of(), sum_of()
const char* csv_rows_py();
const char* jsonl_rows_py();
const char* table_data_py();
const char* digits_data_py();
const char* idx_file_py();
const char* idx_data_py();
const char* tensor_batch_py();
const char* text_data_py();
const char* sound_data_py();
const char* picture_folder_py();  // read_pictures(), open_picture()
const char* idx_pictures_py();    // the same
const char* stretched_py();       // resized()
const char* shortest_edge_py();
const char* as_they_are_py();
const char* picture_data_py();
const char* check_data_py();

// ---- the task: targets_of(), as_lists(), loss_of(), counts_of()
const char* classification_py();
const char* regression_py();
const char* transcription_py();

// ---- the model: make_network(), pool(), make_model(), weights_of()
const char* mlp_py();
const char* cnn_py();
const char* same_conv_py();
const char* efficientnet_lite_py();
const char* squeezenet_py();
const char* image_classifier_py();
const char* bert_py();
const char* whisper_py();
const char* mean_pooling_py();
const char* cls_pooling_py();
const char* pooler_pooling_py();
const char* start_py();
const char* weights_py();
const char* lora_py();  // instead of the two before

// ---- the optimizer and its rates: make_optimizer(), schedule(), curve(), set_rates()
const char* optimizer_entries_py();
const char* adamw_py();
const char* sgd_py();
const char* schedule_py();
const char* constant_py();
const char* linear_py();
const char* cosine_py();
const char* one_cycle_py();
const char* slanted_triangular_py();
const char* rates_py();
const char* rewarmed_rates_py();

// ---- the loop
const char* training_py();
const char* main_py();

}  // namespace thaw::pieces
