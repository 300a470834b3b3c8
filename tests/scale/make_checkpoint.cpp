// Writes a checkpoint of the released code's layout with random weights, of any size:
//     make_checkpoint FILE.safetensors HUBS HEADS NEURONS LAYERS VOCABULARY SEED
// Weights are uniform with standard deviation 0.02, as the released code initialises them (normal
// there; cheaper here).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/random.hpp"

namespace {

struct tensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::uint64_t count() const {
    std::uint64_t n = 1;
    for (std::uint64_t s : shape) n *= s;
    return n;
  }
};

bool write_weights(std::FILE* file, std::uint64_t count, std::uint64_t seed, std::uint32_t stream) {
  std::vector<float> block;
  // standard deviation of a uniform draw of width 1 is 1 / sqrt(12)
  const float scale = 0.02f * 3.4641016f;
  for (std::uint64_t done = 0; done < count; done += block.size()) {
    block.clear();
    for (std::uint64_t i = done; i < count && block.size() < (1u << 16); i += 4)
      for (std::uint32_t r :
           bdh::philox_block(
               {{static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), stream, 0}},
               {{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}})
               .word)
        if (done + block.size() < count)
          block.push_back((static_cast<float>(r) * 0x1p-32f - 0.5f) * scale);
    if (std::fwrite(block.data(), sizeof(float), block.size(), file) != block.size()) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8)
    return std::fputs("usage: make_checkpoint FILE HUBS HEADS NEURONS LAYERS VOCABULARY SEED\n",
                      stderr),
           2;
  const auto number = [&](int i) {
    return static_cast<std::uint64_t>(std::strtoull(argv[i], nullptr, 10));
  };
  const std::uint64_t d = number(2), h = number(3), n = number(4), v = number(6), seed = number(7);
  const std::vector<tensor> tensors = {{"decoder", {n, d}},
                                       {"encoder", {h, d, n / h}},
                                       {"encoder_v", {h, d, n / h}},
                                       {"lm_head", {d, v}},
                                       {"embed.weight", {v, d}}};
  std::string header = "{\"__metadata__\":{\"n_layer\":\"" + std::string(argv[5]) +
                       "\",\"n_head\":\"" + argv[3] + "\"}";
  std::uint64_t offset = 0;
  for (const tensor& t : tensors) {
    header += ",\"" + t.name + "\":{\"dtype\":\"F32\",\"shape\":[";
    for (std::size_t i = 0; i < t.shape.size(); ++i)
      header += (i ? "," : "") + std::to_string(t.shape[i]);
    header += "],\"data_offsets\":[" + std::to_string(offset) + "," +
              std::to_string(offset + 4 * t.count()) + "]}";
    offset += 4 * t.count();
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::FILE* file = std::fopen(argv[1], "wb");
  if (!file) return std::perror(argv[1]), 1;
  const std::uint64_t length = header.size();
  bool good = std::fwrite(&length, 8, 1, file) == 1 &&
              std::fwrite(header.data(), 1, header.size(), file) == header.size();
  for (std::size_t i = 0; i < tensors.size(); ++i)
    good = good && write_weights(file, tensors[i].count(), seed, static_cast<std::uint32_t>(i));
  if (std::fclose(file) != 0 || !good) return std::perror(argv[1]), 1;
  return 0;
}
